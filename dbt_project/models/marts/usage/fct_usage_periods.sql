with periods as (

    select * from {{ ref('int_usage_periods_with_plan') }}

),

workspaces as (

    select * from {{ ref('dim_workspaces') }}

),

states as (

    select * from {{ ref('usage_states') }}

),

crossings as (

    select * from {{ ref('int_usage_crossings') }}

),

extensions as (

    select
        workspace_id,
        meter,
        period_start,
        max(extension_until) as extension_until
    from {{ ref('stg_product__overage_state') }}
    where not is_deleted
    group by workspace_id, meter, period_start

),

measured as (

    select
        *,
        unknown_plan_reason is null as is_plan_known,
        cast(used as double) / nullif(included, 0) as used_share,
        case
            when unknown_plan_reason is null then greatest(coalesce(used - included, 0), 0)
        end as overage_units,
        period_start <= {{ as_of() }} and period_end > {{ as_of() }} as is_current_period
    from periods

),

reached_states as (

    select
        measured.workspace_id,
        measured.meter,
        measured.period_start,
        max_by(states.state, states.state_rank) as state
    from measured
    inner join states
        on measured.used > measured.included * states.used_share
        or (
            not states.is_strictly_above
            and measured.used >= measured.included * states.used_share
            and measured.used > 0
        )
        or states.state_rank = 0
    where measured.included is not null
    group by measured.workspace_id, measured.meter, measured.period_start

),

final as (

    select
        {{ md5_key([
            "measured.workspace_id", "measured.meter", "cast(measured.period_start as varchar)"
        ]) }} as usage_period_key,
        measured.workspace_id,
        workspaces.account_key,
        measured.meter,
        measured.meter_kind,
        measured.period_start,
        measured.period_end,
        measured.plan_code,
        measured.used,
        measured.included,
        measured.used_share,
        measured.overage_units,
        case
            when not measured.is_plan_known then 'unknown_plan'
            when measured.included is null then 'ok'
            else reached_states.state
        end as state,
        measured.unknown_plan_reason,
        case when measured.included is not null then crossings.approaching_since end
            as approaching_since,
        case when measured.included is not null then crossings.overage_since end as overage_since,
        extensions.extension_until,
        coalesce(
            extensions.extension_until
            > least({{ as_of() }}, cast(measured.period_end as timestamp)),
            false
        ) as has_extension,
        measured.is_current_period
    from measured
    left join workspaces
        on measured.workspace_id = workspaces.workspace_id
    left join reached_states
        on measured.workspace_id = reached_states.workspace_id
        and measured.meter = reached_states.meter
        and measured.period_start = reached_states.period_start
    left join crossings
        on measured.workspace_id = crossings.workspace_id
        and measured.meter = crossings.meter
        and measured.period_start = crossings.period_start
    left join extensions
        on measured.workspace_id = extensions.workspace_id
        and measured.meter = extensions.meter
        and measured.period_start = extensions.period_start

)

select * from final
