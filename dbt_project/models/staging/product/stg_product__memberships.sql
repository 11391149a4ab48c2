with source as (

    select * from {{ source('product', 'memberships') }}

),

renamed as (

    select
        cast(id as varchar) as membership_id,
        cast(workspace_id as varchar) as workspace_id,
        cast(user_id as varchar) as user_id,
        role,
        cast(invited_by_user_id as varchar) as invited_by_user_id,
        joined_at,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
