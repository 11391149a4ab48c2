with source as (

    select * from {{ source('crunchbase', 'organizations') }}

),

renamed as (

    select
        uuid as crunchbase_uuid,
        permalink,
        name as organization_name,
        website_url,
        {{ host('website_url') }} as website_host,
        categories,
        employees_band,
        funding_total_usd,
        last_funding_on,
        last_funding_type,
        country_code,
        rank_org,
        updated_at,
        (_deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
