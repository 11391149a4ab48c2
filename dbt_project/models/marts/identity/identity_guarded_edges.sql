with edges_exclusive as (

    select * from {{ ref('int_identity__edges_exclusive') }}

),

edges as (

    select * from {{ ref('int_identity__edges') }}

),

identity_key_registry as (

    select * from {{ ref('identity_key_registry') }}

),

-- The two ends in the order of their texts, which does not depend on which was met first.
guarded as (

    select
        case when one.node < other.node then one.sequence else other.sequence end as left_sequence,
        case when one.node < other.node then other.sequence else one.sequence end as right_sequence,
        edges.rule_id,
        edges.strength,
        edges.source_record,
        edges_exclusive.guard,
        edges_exclusive.guarded_sequence,
        edges.first_seen_at,
        edges.last_seen_at
    from edges_exclusive
    inner join edges
        on
            edges_exclusive.left_sequence = edges.left_sequence
            and edges_exclusive.right_sequence = edges.right_sequence
    inner join identity_key_registry as one on edges_exclusive.left_sequence = one.sequence
    inner join identity_key_registry as other on edges_exclusive.right_sequence = other.sequence
    where edges_exclusive.guard is not null

),

final as (

    select
        {{ md5_key(['left_ends.node', 'right_ends.node']) }} as edge_key,
        left_ends.id_type as left_type,
        left_ends.id_value as left_value,
        right_ends.id_type as right_type,
        right_ends.id_value as right_value,
        guarded.rule_id,
        guarded.strength,
        guarded.source_record,
        guarded.guard,
        guarded_ends.node as guarded_identifier,
        guarded.first_seen_at,
        guarded.last_seen_at
    from guarded
    inner join identity_key_registry as left_ends on guarded.left_sequence = left_ends.sequence
    inner join identity_key_registry as right_ends on guarded.right_sequence = right_ends.sequence
    left join
        identity_key_registry as guarded_ends
        on guarded.guarded_sequence = guarded_ends.sequence

)

select * from final
