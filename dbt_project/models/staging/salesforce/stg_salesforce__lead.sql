with source as (

    select * from {{ source('salesforce', 'lead') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_lead_id,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(trim(title), '') as title,
        nullif(trim(company), '') as company,
        website,
        {{ host('website') }} as website_host,
        country,
        status as lead_status,
        lead_source,
        {{ salesforce_id('owner_id') }} as sfdc_owner_id,
        is_converted,
        converted_at,
        {{ salesforce_id('converted_account_id') }} as converted_sfdc_account_id,
        {{ salesforce_id('converted_contact_id') }} as converted_sfdc_contact_id,
        {{ salesforce_id('master_record_id') }} as master_sfdc_lead_id,
        coalesce(do_not_call, false) as do_not_call,
        coalesce(has_opted_out_of_email, false) as has_opted_out_of_email,
        nullif(trim(plg_user_id), '') as plg_user_id,
        nullif(trim(plg_org_id), '') as plg_organization_id,
        plg_icp_tier,
        plg_icp_score,
        plg_icp_reasons,
        plg_pql,
        plg_pql_reasons,
        created_at,
        system_modstamp as updated_at,
        (is_deleted or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
