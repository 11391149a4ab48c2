with memberships as (

    select * from {{ ref('stg_product__memberships') }}

),

users as (

    select * from {{ ref('stg_product__users') }}

),

person_identifiers as (

    select *
    from {{ ref('person_identifiers') }}
    where id_type = 'user_id'

),

final as (

    select
        memberships.workspace_id,
        memberships.user_id,
        person_identifiers.person_key,
        memberships.role,
        memberships.joined_at,
        memberships.invited_by_user_id is not null as is_invited
    from memberships
    inner join users on memberships.user_id = users.user_id
    left join person_identifiers on memberships.user_id = person_identifiers.id_value
    where not memberships.is_deleted and not users.is_deleted
    qualify
        row_number() over (
            partition by memberships.workspace_id, memberships.user_id
            order by memberships.joined_at, memberships.membership_id
        ) = 1

)

select * from final
