{{ config(materialized='table') }}

with accounts as (

    select * from {{ ref('dim_accounts') }}

),

account_identifiers as (

    select * from {{ ref('account_identifiers') }}

),

crunchbase_organizations as (

    select * from {{ ref('int_crunchbase_organizations_matched') }}

),

salesforce_accounts as (

    select
        account_identifiers.account_key,
        salesforce.*
    from {{ ref('stg_salesforce__account') }} as salesforce
    inner join account_identifiers
        on account_identifiers.id_type = 'sfdc_account_id'
        and account_identifiers.id_value = salesforce.sfdc_account_id
    where not salesforce.is_deleted

),

hubspot_companies as (

    select
        account_identifiers.account_key,
        hubspot.*
    from {{ ref('stg_hubspot__companies') }} as hubspot
    inner join {{ ref('int_host_domains') }} as host_domains
        on hubspot.domain_host = host_domains.host
    inner join account_identifiers
        on account_identifiers.id_type = 'domain'
        and account_identifiers.id_value = host_domains.domain
    where not hubspot.is_deleted

),

product_organizations as (

    select
        account_identifiers.account_key,
        organizations.*
    from {{ ref('stg_product__organizations') }} as organizations
    inner join account_identifiers
        on account_identifiers.id_type = 'organization_id'
        and account_identifiers.id_value = organizations.organization_id
    where not organizations.is_deleted

),

employee_bands as (

    select * from {{ ref('icp_employee_bands') }}

),

active_members as (

    select * from {{ ref('int_account_activity') }}

),

-- Salesforce, HubSpot and the product keep one value of a field and no history of it: nobody knows
-- when it was observed (observed_at is null), and any later edit of the record, our own included,
-- moves updated_at. Such a value counts from the day on which its record was made (known_from);
-- changed_at only breaks ties between records.
observed as (

    select
        account_key,
        'industry' as attribute,
        'crunchbase' as source,
        json_extract_string(categories, '$[0].value') as value_text,
        cast(null as double) as value_number,
        updated_at as observed_at,
        updated_at as known_from,
        updated_at as changed_at,
        crunchbase_uuid as source_record
    from crunchbase_organizations

    union all by name

    select
        account_key,
        'industry' as attribute,
        'salesforce' as source,
        nullif(trim(industry), '') as value_text,
        created_at as known_from,
        updated_at as changed_at,
        sfdc_account_id as source_record
    from salesforce_accounts

    union all by name

    select
        account_key,
        'industry' as attribute,
        'hubspot' as source,
        nullif(trim(industry), '') as value_text,
        created_at as known_from,
        updated_at as changed_at,
        hubspot_company_id as source_record
    from hubspot_companies

    union all by name

    select
        account_key,
        'employees' as attribute,
        'salesforce' as source,
        cast(employees as varchar) as value_text,
        cast(employees as double) as value_number,
        created_at as known_from,
        updated_at as changed_at,
        sfdc_account_id as source_record
    from salesforce_accounts

    union all by name

    select
        crunchbase_organizations.account_key,
        'employees' as attribute,
        'crunchbase' as source,
        cast(employee_bands.employees_from as varchar) as value_text,
        cast(employee_bands.employees_from as double) as value_number,
        crunchbase_organizations.updated_at as observed_at,
        crunchbase_organizations.updated_at as known_from,
        crunchbase_organizations.updated_at as changed_at,
        crunchbase_organizations.crunchbase_uuid as source_record
    from crunchbase_organizations
    inner join employee_bands
        on crunchbase_organizations.employees_band = employee_bands.band

    union all by name

    select
        account_key,
        'last_round_days' as attribute,
        'crunchbase' as source,
        cast(last_funding_on as varchar) as value_text,
        cast(date_diff('day', last_funding_on, cast({{ as_of() }} as date)) as double)
            as value_number,
        updated_at as observed_at,
        updated_at as known_from,
        updated_at as changed_at,
        crunchbase_uuid as source_record
    from crunchbase_organizations
    where last_funding_on <= cast({{ as_of() }} as date)

    union all by name

    select
        account_key,
        'total_funding_usd' as attribute,
        'crunchbase' as source,
        cast(cast(funding_total_usd as bigint) as varchar) as value_text,
        funding_total_usd as value_number,
        updated_at as observed_at,
        updated_at as known_from,
        updated_at as changed_at,
        crunchbase_uuid as source_record
    from crunchbase_organizations

    union all by name

    select
        account_key,
        'country' as attribute,
        'crunchbase' as source,
        nullif(trim(country_code), '') as value_text,
        updated_at as observed_at,
        updated_at as known_from,
        updated_at as changed_at,
        crunchbase_uuid as source_record
    from crunchbase_organizations

    union all by name

    select
        account_key,
        'country' as attribute,
        'product' as source,
        nullif(trim(country), '') as value_text,
        created_at as known_from,
        updated_at as changed_at,
        organization_id as source_record
    from product_organizations

    union all by name

    select
        account_key,
        'country' as attribute,
        'salesforce' as source,
        nullif(trim(country), '') as value_text,
        created_at as known_from,
        updated_at as changed_at,
        sfdc_account_id as source_record
    from salesforce_accounts

    union all by name

    select
        account_key,
        'is_competitor' as attribute,
        'salesforce' as source,
        cast(is_competitor as varchar) as value_text,
        first_seen_at as observed_at,
        first_seen_at as known_from,
        first_seen_at as changed_at,
        account_key as source_record
    from accounts

    union all by name

    select
        account_key,
        'active_members_30d' as attribute,
        'product' as source,
        cast(active_members_30d as varchar) as value_text,
        cast(active_members_30d as double) as value_number,
        {{ as_of() }} as observed_at,
        {{ as_of() }} as known_from,
        {{ as_of() }} as changed_at,
        account_key as source_record
    from active_members

),

final as (

    select
        account_key,
        attribute,
        source,
        value_text,
        value_number,
        observed_at,
        known_from,
        changed_at,
        source_record
    from observed
    where value_text is not null

)

select * from final
