-- Which account root each identifier belongs to; one root per identifier.
with salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

workspaces as (

    select * from {{ ref('stg_product__workspaces') }}

),

organization_map as (

    select *
    from {{ ref('int_accounts__organization_map') }}
    where place = 1

),

domain_roots as (

    select * from {{ ref('int_accounts__domain_roots') }}

),

matches as (

    select * from {{ ref('int_accounts__matches') }}

),

subjects as (

    select * from {{ ref('int_accounts__match_subjects') }}

),

account_rules as (

    select * from {{ ref('account_rules') }}

),

final as (

    select
        'sfdc_account_id' as id_type,
        sfdc_account_id as id_value,
        {{ identity_node("'sfdc_account_id'", 'live_sfdc_account_id') }} as account_root,
        case when is_live then 'same_record' else 'merged' end as rule_id,
        1.0 as confidence,
        created_at as first_seen_at
    from salesforce_accounts
    where live_sfdc_account_id is not null

    union all

    select
        'organization_id',
        organization_map.organization_id,
        organization_map.account_root,
        organization_map.rule_id,
        organization_map.confidence,
        organizations.created_at
    from organization_map
    inner join organizations on organization_map.organization_id = organizations.organization_id

    union all

    select
        'workspace_id',
        workspaces.workspace_id,
        organization_map.account_root,
        organization_map.rule_id,
        organization_map.confidence,
        workspaces.created_at
    from workspaces
    inner join organization_map on workspaces.organization_id = organization_map.organization_id

    union all

    select
        'domain',
        domain,
        account_root,
        rule_id,
        confidence,
        cast(null as timestamp)
    from domain_roots

    union all

    select distinct
        'domain',
        subjects.email_domain,
        matches.account_root,
        'own_domain',
        account_rules.confidence,
        cast(null as timestamp)
    from matches
    inner join
        subjects
        on
            matches.subject_type = subjects.subject_type
            and matches.subject_id = subjects.subject_id
    inner join
        account_rules
        on account_rules.subject = 'domain' and account_rules.rule_id = 'own_domain'
    where
        matches.rule_id = 'own_domain'
        and not exists (
            select 1
            from domain_roots
            where domain_roots.domain = subjects.email_domain
        )

)

select * from final
