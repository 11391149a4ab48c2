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
        right_sequence as user_sequence,
        left_sequence as sequence,
        left_type as id_type,
        is_authoritative
    from edges
    where right_type = 'user_id' and guard is null

    union all

    select
        left_sequence,
        right_sequence,
        right_type,
        is_authoritative
    from edges
    where left_type = 'user_id' and guard is null

),

claimed as (

    select
        claims.sequence,
        count(distinct claims.user_sequence) as users,
        count(distinct claims.user_sequence) filter (where claims.is_authoritative) as authoritative_users,
        min(claims.user_sequence) filter (where claims.is_authoritative) as authoritative_user
    from claims
    inner join identity_id_types on claims.id_type = identity_id_types.id_type
    where not identity_id_types.is_record
    group by claims.sequence

),

contested as (

    select
        sequence,
        case when authoritative_users = 1 then authoritative_user end as authoritative_user
    from claimed
    where users > 1

),

final as (

    select
        edges.left_sequence,
        edges.right_sequence,
        edges.left_type,
        edges.right_type,
        case
            when edges.guard is not null then edges.guard
            when
                left_contested.sequence is not null
                and left_contested.authoritative_user is null
                then 'contested_identifier'
            when
                right_contested.sequence is not null
                and right_contested.authoritative_user is null
                then 'contested_identifier'
            when
                left_contested.sequence is not null
                and edges.right_type = 'user_id'
                and edges.right_sequence <> left_contested.authoritative_user
                then 'outranked_claim'
            when
                right_contested.sequence is not null
                and edges.left_type = 'user_id'
                and edges.left_sequence <> right_contested.authoritative_user
                then 'outranked_claim'
        end as guard,
        coalesce(edges.guarded_sequence, left_contested.sequence, right_contested.sequence) as guarded_sequence
    from edges
    left join contested as left_contested on edges.left_sequence = left_contested.sequence
    left join contested as right_contested on edges.right_sequence = right_contested.sequence

)

select * from final
