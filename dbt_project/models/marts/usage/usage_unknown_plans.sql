with periods as (

    select * from {{ ref('fct_usage_periods') }}

),

final as (

    select
        usage_period_key,
        workspace_id,
        account_key,
        meter,
        period_start,
        plan_code,
        used,
        unknown_plan_reason as reason
    from periods
    where state = 'unknown_plan'

)

select * from final
