with source as (

    select * from {{ source('product', 'restaurants') }}

),

renamed as (

    select
        cast(id as varchar) as restaurant_id,
        nullif(trim(name), '') as restaurant_name,
        website,
        {{ host('website') }} as website_host,
        city,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
