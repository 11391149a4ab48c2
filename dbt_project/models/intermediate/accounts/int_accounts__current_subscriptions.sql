with subscriptions as (

    select * from {{ ref('stg_product__subscriptions') }}

),

final as (

    select
        subscription_id,
        workspace_id,
        plan_code,
        status,
        mrr_cents,
        started_at
    from subscriptions
    where
        not is_deleted
        and started_at <= {{ as_of() }}
        and (ended_at is null or ended_at > {{ as_of() }})
    qualify
        row_number() over (
            partition by workspace_id
            order by started_at desc, subscription_id desc
        ) = 1

)

select * from final
