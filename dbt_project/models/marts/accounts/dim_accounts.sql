with account_identifiers as (

    select * from {{ ref('account_identifiers') }}

),

salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

organization_map as (

    select *
    from {{ ref('int_accounts__organization_map') }}
    where place = 1

),

subscriptions as (

    select * from {{ ref('int_accounts__current_subscriptions') }}

),

internal_domains as (

    select * from {{ ref('internal_domains') }}

),

people_domains as (

    select
        matches.account_root,
        subjects.email_domain as domain,
        count(*) as people
    from {{ ref('int_accounts__matches') }} as matches
    inner join
        {{ ref('int_accounts__match_subjects') }} as subjects
        on
            matches.subject_type = subjects.subject_type
            and matches.subject_id = subjects.subject_id
    where subjects.email_domain_class in ('corporate', 'government', 'internal')
    group by matches.account_root, subjects.email_domain

),

roots as (

    select distinct
        account_root,
        account_key
    from account_identifiers

),

-- The domain that most people of the account use, among those that are the account's.
domains as (

    select
        account_identifiers.account_root,
        {{ first_by(
            'account_identifiers.id_value',
            [
                'account_identifiers.confidence desc',
                'coalesce(people_domains.people, 0) desc',
                'account_identifiers.id_value'
            ]
        ) }} as primary_domain
    from account_identifiers
    left join
        people_domains
        on
            account_identifiers.account_root = people_domains.account_root
            and account_identifiers.id_value = people_domains.domain
    where account_identifiers.id_type = 'domain'
    group by account_identifiers.account_root

),

account_organizations as (

    select
        organization_map.account_root,
        {{ first_by(
            'organizations.organization_name', ['organizations.created_at', 'organizations.organization_id']
        ) }} as organization_name,
        {{ first_by(
            'organizations.country', ['organizations.created_at', 'organizations.organization_id']
        ) }} as country,
        bool_and(organization_map.is_internal) as is_internal,
        min(organizations.created_at) as first_seen_at
    from organization_map
    inner join organizations on organization_map.organization_id = organizations.organization_id
    group by organization_map.account_root

),

paying as (

    select distinct account_identifiers.account_root
    from subscriptions
    inner join
        account_identifiers
        on
            account_identifiers.id_type = 'workspace_id'
            and subscriptions.workspace_id = account_identifiers.id_value
    where subscriptions.mrr_cents > 0

),

parents as (

    select
        salesforce_accounts.sfdc_account_id,
        account_identifiers.account_key as parent_account_key
    from salesforce_accounts
    inner join
        account_identifiers
        on
            account_identifiers.id_type = 'sfdc_account_id'
            and salesforce_accounts.parent_sfdc_account_id = account_identifiers.id_value
    where salesforce_accounts.is_live

),

final as (

    select
        roots.account_key,
        coalesce(
            salesforce_accounts.account_name,
            account_organizations.organization_name,
            domains.primary_domain,
            split_part(roots.account_root, ':', 2)
        ) as account_name,
        domains.primary_domain,
        salesforce_accounts.sfdc_account_id,
        salesforce_accounts.sfdc_owner_id,
        case
            when parents.parent_account_key <> roots.account_key then parents.parent_account_key
        end as parent_account_key,
        salesforce_accounts.industry,
        salesforce_accounts.employees,
        coalesce(salesforce_accounts.country, account_organizations.country) as country,
        case
            when salesforce_accounts.account_type = 'Restaurant' then 'restaurant' else 'customer'
        end as record_type,
        paying.account_root is not null
        or coalesce(salesforce_accounts.is_customer_type, false) as is_customer,
        coalesce(salesforce_accounts.account_type = 'Competitor', false) as is_competitor,
        coalesce(account_organizations.is_internal, false)
        or internal_domains.domain is not null as is_internal,
        least(salesforce_accounts.created_at, account_organizations.first_seen_at) as first_seen_at
    from roots
    left join
        salesforce_accounts
        on
            roots.account_root
            = {{ identity_node("'sfdc_account_id'", 'salesforce_accounts.sfdc_account_id') }}
    left join account_organizations on roots.account_root = account_organizations.account_root
    left join domains on roots.account_root = domains.account_root
    left join internal_domains on domains.primary_domain = internal_domains.domain
    left join paying on roots.account_root = paying.account_root
    left join parents on salesforce_accounts.sfdc_account_id = parents.sfdc_account_id

)

select * from final
