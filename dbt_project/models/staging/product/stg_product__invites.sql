with source as (

    select * from {{ source('product', 'invites') }}

),

renamed as (

    select
        cast(id as varchar) as invite_id,
        cast(workspace_id as varchar) as workspace_id,
        cast(inviter_user_id as varchar) as inviter_user_id,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        status,
        cast(accepted_user_id as varchar) as accepted_user_id,
        sent_at,
        accepted_at,
        created_at,
        updated_at,
        deleted_at,
        (deleted_at is not null or _deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
