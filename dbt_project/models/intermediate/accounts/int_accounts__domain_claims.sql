with salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

organization_domains as (

    select * from {{ ref('int_accounts__organization_domains') }}

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

contacts as (

    select * from {{ ref('stg_salesforce__contact') }}

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

account_rules as (

    select * from {{ ref('account_rules') }}

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

mapped_organizations as (

    select
        organizations.organization_id,
        salesforce_accounts.live_sfdc_account_id as sfdc_account_id
    from organizations
    inner join
        salesforce_accounts
        on organizations.sfdc_account_id = salesforce_accounts.sfdc_account_id
    where salesforce_accounts.live_sfdc_account_id is not null

),

website_claims as (

    select
        website_domain as domain,
        sfdc_account_id,
        'website' as rule_id
    from salesforce_accounts
    where is_live and website_domain_class in ('corporate', 'government')

    union all

    select
        homepage_domain,
        sfdc_account_id,
        'enrichment_homepage'
    from salesforce_accounts
    where is_live and homepage_domain_class in ('corporate', 'government')

),

verified_claims as (

    select distinct
        organization_domains.domain,
        mapped_organizations.sfdc_account_id,
        'verified_domain' as rule_id
    from organization_domains
    inner join
        mapped_organizations
        on organization_domains.organization_id = mapped_organizations.organization_id
    where
        organization_domains.rule_id = 'verified_domain'
        and organization_domains.domain_class in ('corporate', 'government')

),

contact_domains as (

    select
        salesforce_accounts.live_sfdc_account_id as sfdc_account_id,
        host_domains.domain,
        count(*) as contacts,
        sum(count(*)) over (
            partition by salesforce_accounts.live_sfdc_account_id
        ) as account_contacts
    from contacts
    inner join
        salesforce_accounts
        on contacts.sfdc_account_id = salesforce_accounts.sfdc_account_id
    inner join host_domains on contacts.email_host = host_domains.host
    where
        not contacts.is_deleted
        and salesforce_accounts.live_sfdc_account_id is not null
        and host_domains.domain_class in ('corporate', 'government')
    group by salesforce_accounts.live_sfdc_account_id, host_domains.domain

),

contact_claims as (

    select
        contact_domains.domain,
        contact_domains.sfdc_account_id,
        'contact_majority' as rule_id
    from contact_domains
    cross join limits
    where
        contact_domains.contacts >= limits.min_count
        and contact_domains.contacts >= limits.min_share * contact_domains.account_contacts

),

domain_members as (

    select
        host_domains.domain,
        mapped_organizations.sfdc_account_id,
        count(distinct users.user_id) as users,
        sum(count(distinct users.user_id)) over (partition by host_domains.domain) as domain_users
    from memberships
    inner join workspaces on memberships.workspace_id = workspaces.workspace_id
    inner join
        mapped_organizations
        on workspaces.organization_id = mapped_organizations.organization_id
    inner join users on memberships.user_id = users.user_id
    inner join host_domains on users.email_host = host_domains.host
    where
        not memberships.is_deleted
        and not users.is_deleted
        and host_domains.domain_class in ('corporate', 'government')
    group by host_domains.domain, mapped_organizations.sfdc_account_id

),

member_claims as (

    select
        domain_members.domain,
        domain_members.sfdc_account_id,
        'member_majority' as rule_id
    from domain_members
    cross join limits
    where
        domain_members.users >= limits.min_count
        and domain_members.users >= limits.min_share * domain_members.domain_users

),

claims as (

    select * from website_claims
    union all
    select * from verified_claims
    union all
    select * from contact_claims
    union all
    select * from member_claims

),

final as (

    select
        claims.domain,
        claims.sfdc_account_id,
        claims.rule_id,
        account_rules.confidence,
        account_rules.priority,
        salesforce_accounts.precedence,
        salesforce_accounts.parent_sfdc_account_id,
        salesforce_accounts.account_type
    from claims
    inner join
        account_rules
        on claims.rule_id = account_rules.rule_id and account_rules.subject = 'domain'
    inner join
        salesforce_accounts
        on claims.sfdc_account_id = salesforce_accounts.sfdc_account_id

)

select * from final
