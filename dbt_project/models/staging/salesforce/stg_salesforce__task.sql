with source as (

    select * from {{ source('salesforce', 'task') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_task_id,
        {{ salesforce_id('who_id') }} as sfdc_who_id,
        {{ salesforce_id('what_id') }} as sfdc_what_id,
        subject,
        status as task_status,
        activity_date,
        {{ salesforce_id('owner_id') }} as sfdc_owner_id,
        created_at,
        system_modstamp as updated_at,
        (is_deleted or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
