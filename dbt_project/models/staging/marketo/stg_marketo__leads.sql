with source as (

    select * from {{ source('marketo', 'leads') }}

),

renamed as (

    select
        cast(id as varchar) as marketo_lead_id,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        nullif(trim(first_name), '') as first_name,
        nullif(trim(last_name), '') as last_name,
        nullif(trim(title), '') as title,
        nullif(trim(company), '') as company,
        country,
        lead_source,
        lead_status,
        lead_score,
        coalesce(unsubscribed, false) as is_unsubscribed,
        {{ salesforce_id('sfdc_lead_id') }} as sfdc_lead_id,
        {{ salesforce_id('sfdc_contact_id') }} as sfdc_contact_id,
        nullif(trim(product_user_id), '') as product_user_id,
        created_at,
        updated_at,
        _deleted_at is not null as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
