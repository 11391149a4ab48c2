with source as (

    select * from {{ source('salesforce', 'campaign_member') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_campaign_member_id,
        {{ salesforce_id('campaign_id') }} as sfdc_campaign_id,
        {{ salesforce_id('lead_id') }} as sfdc_lead_id,
        {{ salesforce_id('contact_id') }} as sfdc_contact_id,
        status as campaign_member_status,
        coalesce(has_responded, false) as has_responded,
        created_at,
        system_modstamp as updated_at,
        (is_deleted or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
