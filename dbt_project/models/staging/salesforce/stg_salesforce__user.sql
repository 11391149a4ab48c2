with source as (

    select * from {{ source('salesforce', 'user') }}

),

renamed as (

    select
        {{ salesforce_id('id') }} as sfdc_user_id,
        username,
        nullif(trim(name), '') as user_name,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        is_active,
        created_at,
        system_modstamp as updated_at,
        (_deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
