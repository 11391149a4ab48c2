with source as (

    select * from {{ source('outreach', 'prospects') }}

),

renamed as (

    select
        cast(id as varchar) as outreach_prospect_id,
        emails,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(trim(title), '') as title,
        nullif(trim(company), '') as company,
        external_id,
        external_source,
        coalesce(opted_out, false) as is_opted_out,
        coalesce(email_opted_out, false) as is_email_opted_out,
        created_at,
        updated_at,
        (trashed_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
