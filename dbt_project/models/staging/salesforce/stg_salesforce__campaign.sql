with source as (

    select * from {{ source('salesforce', 'campaign') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_campaign_id,
        nullif(trim(name), '') as campaign_name,
        type as campaign_type,
        status as campaign_status,
        start_date,
        created_at,
        system_modstamp as updated_at,
        (is_deleted or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
