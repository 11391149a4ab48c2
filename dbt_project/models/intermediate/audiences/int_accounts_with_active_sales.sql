with accounts as (

    select * from {{ ref('dim_accounts') }}

),

active_opportunities as (

    select * from {{ ref('int_sales_engagement') }}
    where is_active

),

-- An opportunity of the parent holds back its subsidiaries.
concerned as (

    select
        accounts.account_key,
        active_opportunities.sfdc_opportunity_id,
        active_opportunities.stage_name,
        active_opportunities.last_activity_on,
        active_opportunities.account_key != accounts.account_key as is_on_parent
    from accounts
    inner join active_opportunities
        on active_opportunities.account_key in (accounts.account_key, accounts.parent_account_key)

),

final as (

    select *
    from concerned
    qualify row_number() over (
        partition by account_key
        order by is_on_parent, last_activity_on desc, sfdc_opportunity_id
    ) = 1

)

select * from final
