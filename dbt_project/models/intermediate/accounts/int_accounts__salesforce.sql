with recursive accounts as (

    select * from {{ ref('stg_salesforce__account') }}

),

opportunities as (

    select * from {{ ref('stg_salesforce__opportunity') }}

),

salesforce_users as (

    select * from {{ ref('stg_salesforce__user') }}

),

crunchbase_organizations as (

    select * from {{ ref('stg_crunchbase__organizations') }}

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

account_settings as (

    select * from {{ ref('account_settings') }}

),

max_merge_hops as (

    select value as hops
    from account_settings
    where setting = 'max_merge_hops'

),

-- Follow merges from a loser to its winner, and so on; a cycle ends at the limit and is no account.
merges (sfdc_account_id, master_sfdc_account_id, hop) as (

    select
        sfdc_account_id,
        sfdc_account_id,
        0
    from accounts

    union all

    select
        merges.sfdc_account_id,
        accounts.master_sfdc_account_id,
        merges.hop + 1
    from merges
    inner join accounts on merges.master_sfdc_account_id = accounts.sfdc_account_id
    where
        accounts.master_sfdc_account_id is not null
        and accounts.is_deleted
        and merges.hop < (select max_merge_hops.hops from max_merge_hops)

),

masters as (

    select
        merges.sfdc_account_id,
        min(merges.master_sfdc_account_id) as live_sfdc_account_id
    from merges
    inner join accounts on merges.master_sfdc_account_id = accounts.sfdc_account_id
    where not accounts.is_deleted
    group by merges.sfdc_account_id

),

open_opportunities as (

    select distinct sfdc_account_id
    from opportunities
    where not is_closed and not is_deleted

),

joined as (

    select
        accounts.sfdc_account_id,
        masters.live_sfdc_account_id,
        accounts.sfdc_account_id = masters.live_sfdc_account_id as is_live,
        accounts.account_name,
        accounts.account_type,
        accounts.industry,
        accounts.employees,
        accounts.country,
        accounts.parent_sfdc_account_id,
        accounts.sfdc_owner_id,
        accounts.created_at,
        website_domains.domain as website_domain,
        website_domains.domain_class as website_domain_class,
        homepage_domains.domain as homepage_domain,
        homepage_domains.domain_class as homepage_domain_class,
        open_opportunities.sfdc_account_id is not null as has_open_opportunity,
        coalesce(accounts.account_type = 'Customer', false) as is_customer_type,
        coalesce(salesforce_users.is_active, false) as has_active_owner
    from accounts
    left join masters on accounts.sfdc_account_id = masters.sfdc_account_id
    left join host_domains as website_domains on accounts.website_host = website_domains.host
    left join
        crunchbase_organizations
        on
            regexp_extract(
                lower(accounts.website), 'crunchbase\.com/organization/([^/?#\s]+)', 1
            ) = crunchbase_organizations.permalink
            and not crunchbase_organizations.is_deleted
    left join
        host_domains as homepage_domains
        on crunchbase_organizations.website_host = homepage_domains.host
    left join open_opportunities on accounts.sfdc_account_id = open_opportunities.sfdc_account_id
    left join salesforce_users on accounts.sfdc_owner_id = salesforce_users.sfdc_user_id
    qualify
        row_number() over (
            partition by accounts.sfdc_account_id
            order by crunchbase_organizations.crunchbase_uuid
        ) = 1

),

final as (

    select
        *,
        row_number() over (
            order by
                has_open_opportunity desc,
                is_customer_type desc,
                has_active_owner desc,
                created_at,
                sfdc_account_id
        ) as precedence
    from joined

)

select * from final
