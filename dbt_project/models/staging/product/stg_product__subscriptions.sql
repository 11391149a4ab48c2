with source as (

    select * from {{ source('product', 'subscriptions') }}

),

renamed as (

    select
        cast(id as varchar) as subscription_id,
        cast(workspace_id as varchar) as workspace_id,
        plan_code,
        status,
        mrr_cents,
        started_at,
        ended_at,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
