-- What each organization's own data says about its domain: all classes, so that readers can tell
-- free mail from nothing.
with organizations as (

    select * from {{ ref('stg_product__organizations') }}

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

account_settings as (

    select * from {{ ref('account_settings') }}

),

limits as (

    select
        max(value) filter (where setting = 'majority_min_share') as min_share,
        max(value) filter (where setting = 'majority_min_count') as min_count
    from account_settings

),

members as (

    select distinct
        workspaces.organization_id,
        users.user_id,
        host_domains.domain,
        host_domains.domain_class
    from memberships
    inner join workspaces on memberships.workspace_id = workspaces.workspace_id
    inner join users on memberships.user_id = users.user_id
    inner join host_domains on users.email_host = host_domains.host
    where not memberships.is_deleted and not users.is_deleted

),

member_domains as (

    select
        organization_id,
        domain,
        min(domain_class) as domain_class,
        count(*) as members
    from members
    where domain_class in ('corporate', 'government', 'internal')
    group by organization_id, domain

),

member_counts as (

    select
        organization_id,
        count(*) as members
    from members
    group by organization_id

),

member_majorities as (

    select
        member_domains.organization_id,
        member_domains.domain,
        member_domains.domain_class
    from member_domains
    inner join member_counts on member_domains.organization_id = member_counts.organization_id
    cross join limits
    where
        member_domains.members >= limits.min_count
        and member_domains.members >= limits.min_share * member_counts.members

),

final as (

    select
        organizations.organization_id,
        'verified_domain' as rule_id,
        host_domains.domain,
        host_domains.domain_class
    from organizations
    inner join host_domains on organizations.verified_host = host_domains.host
    where host_domains.domain is not null

    union all

    select
        organizations.organization_id,
        'billing_domain' as rule_id,
        host_domains.domain,
        host_domains.domain_class
    from organizations
    inner join host_domains on organizations.billing_email_host = host_domains.host
    where host_domains.domain is not null and organizations.is_valid_billing_email

    union all

    select
        organizations.organization_id,
        'creator_domain' as rule_id,
        host_domains.domain,
        host_domains.domain_class
    from organizations
    inner join users on organizations.created_by_user_id = users.user_id
    inner join host_domains on users.email_host = host_domains.host
    where host_domains.domain is not null

    union all

    select
        organization_id,
        'member_majority' as rule_id,
        domain,
        domain_class
    from member_majorities

)

select * from final
