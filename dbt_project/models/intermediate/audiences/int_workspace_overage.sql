with usage as (

    select * from {{ ref('fct_usage_periods') }}
    where is_current_period
        and state = 'overage'

),

plans as (

    select * from {{ ref('stg_product__plans') }}
    where not is_deleted

),

entitlements as (

    select * from {{ ref('stg_product__plan_entitlements') }}
    where not is_deleted

),

-- What a unit of a meter costs on a plan that can be bought at a price.
unit_prices as (

    select
        plans.plan_code,
        plans.tier_rank,
        entitlements.meter,
        cast(plans.monthly_price_cents as double) / entitlements.included as unit_price_cents
    from plans
    inner join entitlements
        on plans.plan_code = entitlements.plan_code
    where plans.monthly_price_cents > 0
        and entitlements.included > 0

),

-- The value of an overage: its units at the price of the next larger plan, else of its own.
valued as (

    select
        usage.*,
        usage.overage_units * coalesce(
            (
                select min_by(unit_prices.unit_price_cents, unit_prices.tier_rank)
                from unit_prices
                where unit_prices.meter = usage.meter
                    and unit_prices.tier_rank > plans.tier_rank
            ),
            (
                select max(unit_prices.unit_price_cents)
                from unit_prices
                where unit_prices.meter = usage.meter
                    and unit_prices.plan_code = usage.plan_code
            ),
            0
        ) as overage_value_cents
    from usage
    left join plans
        on usage.plan_code = plans.plan_code

),

summed as (

    select
        workspace_id,
        bool_and(has_extension) as is_every_meter_extended,
        max(extension_until) as extension_until,
        sum(overage_value_cents) as overage_value_cents
    from valued
    group by workspace_id

),

-- The meter that speaks for the workspace: without an extension before with one, then the furthest
-- over its cap.
worst as (

    select *
    from valued
    qualify row_number() over (
        partition by workspace_id
        order by has_extension, used_share desc nulls first, meter
    ) = 1

),

final as (

    select
        worst.workspace_id,
        worst.meter,
        worst.used,
        worst.included,
        worst.used_share,
        worst.overage_units,
        worst.overage_since,
        worst.period_start,
        worst.period_end,
        summed.is_every_meter_extended,
        summed.extension_until,
        cast(round(summed.overage_value_cents) as bigint) as overage_value_cents
    from worst
    inner join summed
        on worst.workspace_id = summed.workspace_id

)

select * from final
