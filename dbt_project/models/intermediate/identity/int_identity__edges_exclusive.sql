-- Fourth guard: a person has at most one user id. An edge stays only between identifiers of the same
-- user, or between two that no user claims.
with edges as (

    select * from {{ ref('int_identity__edges_within_limits') }}

),

owners as (

    select * from {{ ref('int_identity__owners') }}

),

final as (

    select
        edges.left_sequence,
        edges.right_sequence,
        case
            when edges.guard is not null then edges.guard
            when left_owners.is_contested then 'contested_record'
            when right_owners.is_contested then 'contested_record'
            when left_owners.owner <> right_owners.owner then 'exclusivity'
            when (left_owners.owner is null) <> (right_owners.owner is null) then 'too_far'
        end as guard,
        coalesce(
            edges.guarded_sequence,
            case when left_owners.is_contested then edges.left_sequence end,
            case when right_owners.is_contested then edges.right_sequence end
        ) as guarded_sequence
    from edges
    left join owners as left_owners on edges.left_sequence = left_owners.sequence
    left join owners as right_owners on edges.right_sequence = right_owners.sequence

)

select * from final
