with users as (

    select * from {{ ref('stg_product__users') }}

),

invites as (

    select * from {{ ref('stg_product__invites') }}

),

final as (

    select
        'user_id' as left_type,
        user_id as left_value,
        'email' as right_type,
        email as right_value,
        'account_email' as rule_id,
        'product.users/' || user_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from users
    where is_valid_email

    union all

    select
        'user_id' as left_type,
        user_id as left_value,
        'anonymous_id' as right_type,
        signup_anonymous_id as right_value,
        'signup_device' as rule_id,
        'product.users/' || user_id as source_record,
        created_at as first_seen_at,
        created_at as last_seen_at
    from users
    where signup_anonymous_id is not null

    union all

    select
        'user_id' as left_type,
        accepted_user_id as left_value,
        'email' as right_type,
        email as right_value,
        'invite_accepted' as rule_id,
        'product.invites/' || invite_id as source_record,
        coalesce(accepted_at, sent_at) as first_seen_at,
        coalesce(accepted_at, sent_at) as last_seen_at
    from invites
    where accepted_user_id is not null and is_valid_email and not is_deleted

)

select * from final
