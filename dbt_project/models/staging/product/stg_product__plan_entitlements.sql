with source as (

    select * from {{ source('product', 'plan_entitlements') }}

),

renamed as (

    select
        cast(id as varchar) as plan_entitlement_id,
        plan_code,
        meter,
        meter_kind,
        included,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
