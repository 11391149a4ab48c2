with accounts as (

    select * from {{ ref('stg_salesforce__account') }}
    where not is_deleted
        and master_sfdc_account_id is null

),

identifiers as (

    select * from {{ ref('account_identifiers') }}
    where id_type = 'sfdc_account_id'

),

resolved_accounts as (

    select * from {{ ref('dim_accounts') }}

),

final as (

    select
        accounts.sfdc_account_id,
        identifiers.account_key,
        resolved_accounts.record_type,
        accounts.plg_icp_tier as current_icp_tier,
        accounts.plg_icp_score as current_icp_score,
        accounts.plg_icp_reasons as current_icp_reasons,
        accounts.plg_pql as current_is_pql,
        accounts.plg_pql_reasons as current_pql_reasons
    from accounts
    inner join identifiers
        on accounts.sfdc_account_id = identifiers.id_value
    inner join resolved_accounts
        on identifiers.account_key = resolved_accounts.account_key

)

select * from final
