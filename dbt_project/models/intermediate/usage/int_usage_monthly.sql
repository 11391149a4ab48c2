with usage as (

    select
        *,
        cast(date_trunc('month', usage_date) as date) as period_start
    from {{ ref('stg_product__usage_daily') }}
    where not is_deleted
        and usage_date < {{ as_of() }}

),

meters as (

    select
        meter,
        min(meter_kind) as meter_kind
    from {{ ref('stg_product__plan_entitlements') }}
    where not is_deleted
    group by meter

),

final as (

    select
        usage.workspace_id,
        usage.meter,
        coalesce(meters.meter_kind, 'flow') as meter_kind,
        usage.period_start,
        cast(usage.period_start + interval 1 month as date) as period_end,
        cast(
            case
                when coalesce(meters.meter_kind, 'flow') = 'stock'
                    then arg_max(usage.quantity, usage.usage_date)
                else sum(usage.quantity)
            end as bigint
        ) as used
    from usage
    left join meters
        on usage.meter = meters.meter
    group by usage.workspace_id, usage.meter, meters.meter_kind, usage.period_start

)

select * from final
