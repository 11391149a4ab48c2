-- The account of each company domain: that of the Salesforce account that owns it, else that of the
-- organizations whose members use it.
with domain_owners as (

    select *
    from {{ ref('int_accounts__domain_owners') }}
    where is_owner

),

organization_map as (

    select *
    from {{ ref('int_accounts__organization_map') }}
    where place = 1

),

workspaces as (

    select * from {{ ref('stg_product__workspaces') }}

),

memberships as (

    select * from {{ ref('stg_product__memberships') }}

),

users as (

    select * from {{ ref('stg_product__users') }}

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

account_rules as (

    select *
    from {{ ref('account_rules') }}
    where subject = 'domain'

),

account_settings as (

    select * from {{ ref('account_settings') }}

),

limits as (

    select
        max(value) filter (where setting = 'majority_min_share') as min_share,
        max(value) filter (where setting = 'majority_min_count') as min_count
    from account_settings

),

domain_members as (

    select
        host_domains.domain,
        organization_map.account_root,
        count(distinct users.user_id) as users,
        sum(count(distinct users.user_id)) over (partition by host_domains.domain) as domain_users
    from memberships
    inner join workspaces on memberships.workspace_id = workspaces.workspace_id
    inner join organization_map on workspaces.organization_id = organization_map.organization_id
    inner join users on memberships.user_id = users.user_id
    inner join host_domains on users.email_host = host_domains.host
    where
        not memberships.is_deleted
        and not users.is_deleted
        and host_domains.domain_class in ('corporate', 'government')
    group by host_domains.domain, organization_map.account_root

),

member_roots as (

    select
        domain_members.domain,
        domain_members.account_root
    from domain_members
    cross join limits
    where
        domain_members.users >= limits.min_count
        and domain_members.users >= limits.min_share * domain_members.domain_users

),

candidates as (

    select
        domain,
        {{ identity_node("'sfdc_account_id'", 'sfdc_account_id') }} as account_root,
        rule_id,
        true as is_salesforce
    from domain_owners

    union all

    select
        domain,
        account_root,
        'member_majority' as rule_id,
        false as is_salesforce
    from member_roots

    union all

    select distinct
        domain,
        account_root,
        'own_domain' as rule_id,
        false as is_salesforce
    from organization_map
    where domain is not null and sfdc_account_id is null

),

final as (

    select
        candidates.domain,
        candidates.account_root,
        candidates.rule_id,
        account_rules.confidence
    from candidates
    inner join account_rules on candidates.rule_id = account_rules.rule_id
    qualify
        row_number() over (
            partition by candidates.domain
            order by candidates.is_salesforce desc, account_rules.priority, candidates.account_root
        ) = 1

)

select * from final
