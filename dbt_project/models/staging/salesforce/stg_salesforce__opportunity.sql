with source as (

    select * from {{ source('salesforce', 'opportunity') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_opportunity_id,
        {{ salesforce_id('account_id') }} as sfdc_account_id,
        nullif(trim(name), '') as opportunity_name,
        stage_name,
        amount,
        close_date,
        is_closed,
        is_won,
        {{ salesforce_id('owner_id') }} as sfdc_owner_id,
        last_activity_on,
        created_at,
        system_modstamp as updated_at,
        (is_deleted or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
