with source as (

    select * from {{ source('product', 'users') }}

),

renamed as (

    select
        cast(id as varchar) as user_id,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        email_verified_at,
        nullif(trim(full_name), '') as full_name,
        title,
        country,
        nullif(trim(signup_anonymous_id), '') as signup_anonymous_id,
        heard_from,
        marketing_consent,
        sales_consent,
        is_staff,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
