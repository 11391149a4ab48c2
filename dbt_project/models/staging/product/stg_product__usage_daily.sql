with source as (

    select * from {{ source('product', 'usage_daily') }}

),

renamed as (

    select
        cast(id as varchar) as usage_daily_id,
        cast(workspace_id as varchar) as workspace_id,
        meter,
        usage_date,
        quantity,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
