{{ config(materialized='table') }}

with periods as (

    select * from {{ ref('int_usage_periods_with_plan') }}
    where included is not null

),

usage as (

    select * from {{ ref('stg_product__usage_daily') }}
    where not is_deleted
        and usage_date < {{ as_of() }}

),

thresholds as (

    select
        max(used_share) filter (where state = 'approaching') as approaching_share
    from {{ ref('usage_states') }}

),

running as (

    select
        periods.workspace_id,
        periods.meter,
        periods.meter_kind,
        periods.period_start,
        periods.included,
        usage.usage_date,
        case
            when periods.meter_kind = 'stock' then usage.quantity
            else sum(usage.quantity) over (
                partition by periods.workspace_id, periods.meter, periods.period_start
                order by usage.usage_date
            )
        end as used_so_far
    from periods
    inner join usage
        on periods.workspace_id = usage.workspace_id
        and periods.meter = usage.meter
        and periods.period_start <= usage.usage_date
        and periods.period_end > usage.usage_date
    -- Only months that got somewhere need the walk through their days.
    where periods.used > 0

),

-- A flow starts at nothing every month. A stock does not: what was over at the end of a month and
-- is over at the next reading has been over all along, unless a month without readings is between.
readings as (

    select
        running.workspace_id,
        running.meter,
        running.period_start,
        running.usage_date,
        running.used_so_far >= running.included * thresholds.approaching_share as is_approaching,
        running.used_so_far > running.included as is_over,
        case
            when running.meter_kind = 'stock'
                then lag(running.period_start) over days_of_meter
                    >= running.period_start - interval 1 month
            else lag(running.period_start) over days_of_meter = running.period_start
        end as continues,
        lag(running.used_so_far >= running.included * thresholds.approaching_share)
            over days_of_meter as was_approaching,
        lag(running.used_so_far > running.included) over days_of_meter as was_over
    from running
    cross join thresholds
    window days_of_meter as (
        partition by running.workspace_id, running.meter
        order by running.usage_date
    )

),

runs as (

    select
        workspace_id,
        meter,
        period_start,
        is_approaching,
        is_over,
        max(
            case
                when is_approaching and not coalesce(continues and was_approaching, false)
                    then usage_date
            end
        ) over days_of_meter as approaching_since,
        max(case when is_over and not coalesce(continues and was_over, false) then usage_date end)
            over days_of_meter as overage_since
    from readings
    window days_of_meter as (
        partition by workspace_id, meter
        order by usage_date
    )

),

final as (

    select
        workspace_id,
        meter,
        period_start,
        min(approaching_since) filter (where is_approaching) as approaching_since,
        min(overage_since) filter (where is_over) as overage_since
    from runs
    group by workspace_id, meter, period_start

)

select * from final
