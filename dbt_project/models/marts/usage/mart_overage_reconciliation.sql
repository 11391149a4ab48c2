with app as (

    select * from {{ ref('stg_product__overage_state') }}
    where not is_deleted
        and created_at < {{ as_of() }}
    qualify row_number() over (
        partition by workspace_id, meter, period_start
        order by updated_at desc, cast(overage_state_id as bigint) desc
    ) = 1

),

warehouse as (

    select * from {{ ref('fct_usage_periods') }}

),

compared as (

    select
        coalesce(app.workspace_id, warehouse.workspace_id) as workspace_id,
        coalesce(app.meter, warehouse.meter) as meter,
        coalesce(app.period_start, warehouse.period_start) as period_start,
        app.state as app_state,
        app.created_at as app_seen_at,
        warehouse.state as warehouse_state,
        warehouse.overage_since as warehouse_overage_since,
        warehouse.used,
        warehouse.included,
        -- The app clears its state when the month has turned; that month did end in overage.
        coalesce(
            app.state = 'overage'
            or (app.state = 'cleared' and app.updated_at >= app.period_start + interval 1 month),
            false
        ) as is_overage_in_app,
        coalesce(warehouse.state = 'overage', false) as is_overage_in_warehouse
    from app
    full outer join warehouse
        on app.workspace_id = warehouse.workspace_id
        and app.meter = warehouse.meter
        and app.period_start = warehouse.period_start

),

final as (

    select
        {{ md5_key([
            "workspace_id", "meter", "cast(period_start as varchar)"
        ]) }} as usage_period_key,
        workspace_id,
        meter,
        period_start,
        case
            when is_overage_in_app = is_overage_in_warehouse then 'agree'
            when is_overage_in_app then 'app_only'
            else 'warehouse_only'
        end as status,
        app_state,
        warehouse_state,
        used,
        included,
        app_seen_at,
        warehouse_overage_since
    from compared
    where app_state is not null
        or is_overage_in_warehouse

)

select * from final
