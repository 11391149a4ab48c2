with source as (

    select * from {{ source('product', 'workspaces') }}

),

renamed as (

    select
        cast(id as varchar) as workspace_id,
        cast(organization_id as varchar) as organization_id,
        nullif(trim(name), '') as workspace_name,
        motion,
        is_test,
        cast(created_by_user_id as varchar) as created_by_user_id,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
