-- Third guard: an identifier bound to more identifiers of one type than seeds/identity allows loses
-- all its bindings to that type.
with edges as (

    select * from {{ ref('int_identity__edges_uncontested') }}

),

identity_degree_limits as (

    select * from {{ ref('identity_degree_limits') }}

),

bindings as (

    select
        left_sequence as sequence,
        left_type as id_type,
        right_type as neighbour_type
    from edges
    where guard is null

    union all

    select
        right_sequence,
        right_type,
        left_type
    from edges
    where guard is null

),

over_limit as (

    select
        bindings.sequence,
        bindings.neighbour_type
    from bindings
    inner join
        identity_degree_limits
        on
            bindings.id_type = identity_degree_limits.id_type
            and bindings.neighbour_type = identity_degree_limits.neighbour_type
    group by bindings.sequence, bindings.neighbour_type, identity_degree_limits.max_neighbours
    having count(*) > identity_degree_limits.max_neighbours

),

final as (

    select
        edges.left_sequence,
        edges.right_sequence,
        edges.left_type,
        edges.right_type,
        case
            when edges.guard is not null then edges.guard
            when coalesce(left_over.sequence, right_over.sequence) is not null then 'degree_limit'
        end as guard,
        coalesce(edges.guarded_sequence, left_over.sequence, right_over.sequence) as guarded_sequence
    from edges
    left join
        over_limit as left_over
        on edges.left_sequence = left_over.sequence and edges.right_type = left_over.neighbour_type
    left join
        over_limit as right_over
        on edges.right_sequence = right_over.sequence and edges.left_type = right_over.neighbour_type

)

select * from final
