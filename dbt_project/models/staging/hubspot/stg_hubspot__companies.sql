with source as (

    select * from {{ source('hubspot', 'companies') }}

),

renamed as (

    select
        id as hubspot_company_id,
        nullif(trim(name), '') as company_name,
        domain as domain_as_entered,
        {{ host('domain') }} as domain_host,
        industry,
        country,
        created_at,
        updated_at,
        (archived or _deleted_at is not null) as is_deleted,
        archived_at,
        _load_id,
        _landed_at
    from source

)

select * from renamed
