with source as (

    select * from {{ source('salesforce', 'contact') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_contact_id,
        {{ salesforce_id('account_id') }} as sfdc_account_id,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(trim(title), '') as title,
        {{ salesforce_id('owner_id') }} as sfdc_owner_id,
        {{ salesforce_id('master_record_id') }} as master_sfdc_contact_id,
        coalesce(do_not_call, false) as do_not_call,
        coalesce(has_opted_out_of_email, false) as has_opted_out_of_email,
        nullif(trim(plg_user_id), '') as plg_user_id,
        created_at,
        system_modstamp as updated_at,
        (is_deleted or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
