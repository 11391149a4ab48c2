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

final as (

    select
        running.workspace_id,
        running.meter,
        running.period_start,
        min(running.usage_date) filter (
            where running.used_so_far >= running.included * thresholds.approaching_share
        ) as approaching_since,
        min(running.usage_date) filter (
            where running.used_so_far > running.included
        ) as overage_since
    from running
    cross join thresholds
    group by running.workspace_id, running.meter, running.period_start

)

select * from final
