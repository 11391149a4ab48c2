with source as (

    select * from {{ source('product', 'plans') }}

),

renamed as (

    select
        cast(id as varchar) as plan_id,
        code as plan_code,
        nullif(trim(name), '') as plan_name,
        tier_rank,
        is_self_serve,
        monthly_price_cents,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
