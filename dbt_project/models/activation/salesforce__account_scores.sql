with accounts as (

    select * from {{ ref('crm_accounts') }}
    where record_type = 'customer'

),

qualifications as (

    select * from {{ ref('account_qualifications') }}

),

final as (

    select
        accounts.sfdc_account_id,
        qualifications.icp_tier,
        qualifications.icp_score,
        qualifications.icp_reasons,
        coalesce(qualifications.is_pql, false) as is_pql,
        qualifications.pql_reasons,
        accounts.current_icp_tier,
        accounts.current_icp_score,
        accounts.current_icp_reasons,
        accounts.current_is_pql,
        accounts.current_pql_reasons
    from accounts
    left join qualifications
        on accounts.account_key = qualifications.account_key

)

select * from final
