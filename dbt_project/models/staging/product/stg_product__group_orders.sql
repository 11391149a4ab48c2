with source as (

    select * from {{ source('product', 'group_orders') }}

),

renamed as (

    select
        cast(id as varchar) as group_order_id,
        cast(workspace_id as varchar) as workspace_id,
        cast(organiser_user_id as varchar) as organiser_user_id,
        cast(restaurant_id as varchar) as restaurant_id,
        status,
        line_count,
        total_cents,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
