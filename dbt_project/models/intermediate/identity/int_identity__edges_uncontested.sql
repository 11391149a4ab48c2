-- Second guard: an identifier that more than one user claims is contested, and all its bindings are
-- cut, whichever came first. Where exactly one of them holds it by an authoritative rule, only the
-- others' claims are cut.
with edges as (

    select * from {{ ref('int_identity__edges') }}

),

identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

claims as (

    select
        right_node as user_node,
        left_node as node,
        left_type as id_type,
        is_authoritative
    from edges
    where right_type = 'user_id' and guard is null

    union all

    select
        left_node,
        right_node,
        right_type,
        is_authoritative
    from edges
    where left_type = 'user_id' and guard is null

),

claimed as (

    select
        claims.node,
        count(distinct claims.user_node) as users,
        count(distinct claims.user_node) filter (where claims.is_authoritative) as authoritative_users,
        min(claims.user_node) filter (where claims.is_authoritative) as authoritative_user
    from claims
    inner join identity_id_types on claims.id_type = identity_id_types.id_type
    where not identity_id_types.is_record
    group by claims.node

),

contested as (

    select
        node,
        case when authoritative_users = 1 then authoritative_user end as authoritative_user
    from claimed
    where users > 1

),

final as (

    select
        edges.* exclude (guard, guarded_node),
        case
            when edges.guard is not null then edges.guard
            when
                left_contested.node is not null
                and left_contested.authoritative_user is null
                then 'contested_identifier'
            when
                right_contested.node is not null
                and right_contested.authoritative_user is null
                then 'contested_identifier'
            when
                left_contested.node is not null
                and edges.right_type = 'user_id'
                and edges.right_node <> left_contested.authoritative_user
                then 'outranked_claim'
            when
                right_contested.node is not null
                and edges.left_type = 'user_id'
                and edges.left_node <> right_contested.authoritative_user
                then 'outranked_claim'
        end as guard,
        coalesce(edges.guarded_node, left_contested.node, right_contested.node) as guarded_node
    from edges
    left join contested as left_contested on edges.left_node = left_contested.node
    left join contested as right_contested on edges.right_node = right_contested.node

)

select * from final
