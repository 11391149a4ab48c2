with source as (

    select * from {{ source('product', 'organizations') }}

),

renamed as (

    select
        cast(id as varchar) as organization_id,
        nullif(trim(name), '') as organization_name,
        {{ host('verified_domain') }} as verified_host,
        {{ normalised_email('billing_email') }} as billing_email,
        {{ is_valid_email(normalised_email('billing_email')) }} as is_valid_billing_email,
        {{ email_host(normalised_email('billing_email')) }} as billing_email_host,
        country,
        {{ salesforce_id('salesforce_account_id') }} as sfdc_account_id,
        nullif(trim(salesforce_account_id), '') as sfdc_account_id_as_entered,
        cast(created_by_user_id as varchar) as created_by_user_id,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
