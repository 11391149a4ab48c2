with source as (

    select * from {{ source('exclusions_sheet', 'exclusions') }}

),

renamed as (

    select
        row_number,
        key,
        {{ host('key') }} as key_host,
        reason,
        owner,
        expires_on,
        (_deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
