with workspaces as (

    select * from {{ ref('stg_product__workspaces') }}

),

usage as (

    select
        usage.*,
        least(
            cast(usage.period_end as timestamp), {{ as_of() }}, workspaces.deleted_at
        ) as read_at
    from {{ ref('int_usage_monthly') }} as usage
    left join workspaces
        on usage.workspace_id = workspaces.workspace_id

),

subscriptions as (

    select * from {{ ref('stg_product__subscriptions') }}
    where not is_deleted

),

plans as (

    select * from {{ ref('stg_product__plans') }}
    where not is_deleted

),

entitlements as (

    select * from {{ ref('stg_product__plan_entitlements') }}
    where not is_deleted

),

moments_of_reading as (

    select distinct
        workspace_id,
        read_at
    from usage

),

-- The plan in force just before the moment of reading: the end of the month, as_of within it, or
-- the end of the workspace.
plans_in_force as (

    select
        moments_of_reading.workspace_id,
        moments_of_reading.read_at,
        subscriptions.plan_code
    from moments_of_reading
    inner join subscriptions
        on moments_of_reading.workspace_id = subscriptions.workspace_id
        and subscriptions.started_at < moments_of_reading.read_at
        and (
            subscriptions.ended_at is null
            or subscriptions.ended_at >= moments_of_reading.read_at
        )
    qualify row_number() over (
        partition by moments_of_reading.workspace_id, moments_of_reading.read_at
        order by
            subscriptions.started_at desc,
            cast(subscriptions.subscription_id as bigint) desc
    ) = 1

),

final as (

    select
        usage.workspace_id,
        usage.meter,
        usage.meter_kind,
        usage.period_start,
        usage.period_end,
        usage.used,
        plans_in_force.plan_code,
        entitlements.included,
        case
            when plans_in_force.plan_code is null then 'no subscription in force'
            when plans.plan_code is null then 'plan is not on the price list'
            when entitlements.plan_entitlement_id is null then 'plan says nothing about this meter'
        end as unknown_plan_reason
    from usage
    left join plans_in_force
        on usage.workspace_id = plans_in_force.workspace_id
        and usage.read_at = plans_in_force.read_at
    left join plans
        on plans_in_force.plan_code = plans.plan_code
    left join entitlements
        on plans.plan_code = entitlements.plan_code
        and usage.meter = entitlements.meter

)

select * from final
