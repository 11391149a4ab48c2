with source as (

    select * from {{ source('product', 'overage_state') }}

),

renamed as (

    select
        cast(id as varchar) as overage_state_id,
        cast(workspace_id as varchar) as workspace_id,
        meter,
        period_start,
        state,
        extension_until,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
