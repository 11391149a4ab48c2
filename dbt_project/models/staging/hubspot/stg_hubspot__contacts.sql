with source as (

    select * from {{ source('hubspot', 'contacts') }}

),

renamed as (

    select
        id as hubspot_contact_id,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        first_name,
        last_name,
        company,
        job_title,
        lifecycle_stage,
        nullif(trim(product_user_id), '') as product_user_id,
        regexp_replace(nullif(trim(anonymous_id), ''), '^\$device:', '') as anonymous_id,
        coalesce(unsubscribed, false) as is_unsubscribed,
        plg_campaign,
        created_at,
        updated_at,
        (archived or _deleted_at is not null) as is_deleted,
        archived_at,
        _load_id,
        _landed_at
    from source

)

select * from renamed
