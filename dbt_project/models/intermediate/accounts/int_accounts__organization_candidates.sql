with organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

organization_domains as (

    select * from {{ ref('int_accounts__organization_domains') }}

),

domain_owners as (

    select *
    from {{ ref('int_accounts__domain_owners') }}
    where is_owner

),

account_rules as (

    select *
    from {{ ref('account_rules') }}
    where subject = 'organization'

),

manual_account_matches as (

    select * from {{ ref('manual_account_matches') }}

),

candidates as (

    select
        organizations.organization_id,
        'manual' as rule_id,
        salesforce_accounts.live_sfdc_account_id as sfdc_account_id,
        cast(null as varchar) as domain,
        false as is_internal
    from manual_account_matches
    inner join organizations on manual_account_matches.subject_id = organizations.organization_id
    inner join
        salesforce_accounts
        on
            {{ salesforce_id('manual_account_matches.sfdc_account_id') }}
            = salesforce_accounts.sfdc_account_id
    where
        manual_account_matches.subject_type = 'organization'
        and (
            manual_account_matches.expires_on is null
            or manual_account_matches.expires_on >= cast({{ as_of() }} as date)
        )
        and salesforce_accounts.live_sfdc_account_id is not null

    union all

    select
        organizations.organization_id,
        'product_mapping' as rule_id,
        salesforce_accounts.live_sfdc_account_id as sfdc_account_id,
        cast(null as varchar) as domain,
        false as is_internal
    from organizations
    inner join
        salesforce_accounts
        on organizations.sfdc_account_id = salesforce_accounts.sfdc_account_id
    where salesforce_accounts.live_sfdc_account_id is not null

    union all

    select
        organization_domains.organization_id,
        organization_domains.rule_id,
        domain_owners.sfdc_account_id,
        organization_domains.domain,
        organization_domains.domain_class = 'internal' as is_internal
    from organization_domains
    left join domain_owners on organization_domains.domain = domain_owners.domain
    where organization_domains.domain_class in ('corporate', 'government', 'internal')

    union all

    select
        organization_id,
        'personal' as rule_id,
        cast(null as varchar) as sfdc_account_id,
        cast(null as varchar) as domain,
        false as is_internal
    from organizations

),

rooted as (

    select
        candidates.organization_id,
        candidates.rule_id,
        candidates.sfdc_account_id,
        candidates.domain,
        candidates.is_internal,
        account_rules.priority,
        account_rules.confidence,
        case
            when candidates.sfdc_account_id is not null
                then {{ identity_node("'sfdc_account_id'", 'candidates.sfdc_account_id') }}
            when candidates.domain is not null
                then {{ identity_node("'domain'", 'candidates.domain') }}
            else {{ identity_node("'organization_id'", 'candidates.organization_id') }}
        end as account_root
    from candidates
    inner join account_rules on candidates.rule_id = account_rules.rule_id

),

final as (

    select
        *,
        -- an account that sales knows before one made of a domain, whichever rule names it
        row_number() over (
            partition by organization_id
            order by sfdc_account_id is not null desc, priority, account_root
        ) as place
    from rooted

)

select * from final
