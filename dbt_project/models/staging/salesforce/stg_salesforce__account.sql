with source as (

    select * from {{ source('salesforce', 'account') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_account_id,
        nullif(trim(name), '') as account_name,
        website,
        {{ host('website') }} as website_host,
        type as account_type,
        industry,
        number_of_employees as employees,
        billing_country as country,
        {{ salesforce_id('parent_id') }} as parent_sfdc_account_id,
        {{ salesforce_id('owner_id') }} as sfdc_owner_id,
        {{ salesforce_id('master_record_id') }} as master_sfdc_account_id,
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
