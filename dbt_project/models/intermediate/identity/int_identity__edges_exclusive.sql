-- Fourth guard: a person has at most one user id. An edge stays only between identifiers of the same
-- user, or between two that no user claims.
with edges as (

    select * from {{ ref('int_identity__edges_within_limits') }}

),

claims as (

    select * from {{ ref('int_identity__claims') }}

),

final as (

    select
        edges.* exclude (guard, guarded_node),
        case
            when edges.guard is not null then edges.guard
            when left_claims.is_contested then 'contested_record'
            when right_claims.is_contested then 'contested_record'
            when left_claims.owner <> right_claims.owner then 'exclusivity'
            when (left_claims.owner is null) <> (right_claims.owner is null) then 'too_far'
        end as guard,
        coalesce(
            edges.guarded_node,
            case when left_claims.is_contested then edges.left_node end,
            case when right_claims.is_contested then edges.right_node end
        ) as guarded_node
    from edges
    left join claims as left_claims on edges.left_node = left_claims.node
    left join claims as right_claims on edges.right_node = right_claims.node

)

select * from final
