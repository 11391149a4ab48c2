-- From here on identifiers are their sequence numbers in the registry: two numbers are compared, not
-- two texts of fifty characters.
with evidence as (

    select * from {{ ref('int_identity__evidence') }}

),

identity_rules as (

    select * from {{ ref('identity_rules') }}

),

identity_key_registry as (

    select * from {{ ref('identity_key_registry') }}

),

nodes as (

    select * from {{ ref('int_identity__nodes') }}

),

directed as (

    select
        least(left_registry.sequence, right_registry.sequence) as left_sequence,
        greatest(left_registry.sequence, right_registry.sequence) as right_sequence,
        evidence.rule_id,
        evidence.strength,
        evidence.source_record,
        evidence.first_seen_at,
        evidence.last_seen_at,
        identity_rules.is_authoritative
    from evidence
    inner join identity_rules on evidence.rule_id = identity_rules.rule_id
    inner join identity_key_registry as left_registry
        on
            evidence.left_type = left_registry.id_type
            and evidence.left_value = left_registry.id_value
    inner join identity_key_registry as right_registry
        on
            evidence.right_type = right_registry.id_type
            and evidence.right_value = right_registry.id_value
    where left_registry.sequence <> right_registry.sequence

),

edges as (

    select
        left_sequence,
        right_sequence,
        max(strength) as strength,
        bool_or(is_authoritative) as is_authoritative,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        {{ first_by('rule_id', ['strength desc', 'rule_id', 'source_record']) }} as rule_id,
        {{ first_by('source_record', ['strength desc', 'rule_id', 'source_record']) }} as source_record
    from directed
    group by left_sequence, right_sequence

),

final as (

    select
        edges.left_sequence,
        edges.right_sequence,
        left_nodes.id_type as left_type,
        right_nodes.id_type as right_type,
        edges.rule_id,
        edges.strength,
        edges.is_authoritative,
        edges.source_record,
        edges.first_seen_at,
        edges.last_seen_at,
        case
            when left_nodes.guard <= coalesce(right_nodes.guard, left_nodes.guard)
                then left_nodes.guard
            else right_nodes.guard
        end as guard,
        case
            when left_nodes.guard <= coalesce(right_nodes.guard, left_nodes.guard)
                then edges.left_sequence
            when right_nodes.guard is not null then edges.right_sequence
        end as guarded_sequence
    from edges
    inner join nodes as left_nodes on edges.left_sequence = left_nodes.sequence
    inner join nodes as right_nodes on edges.right_sequence = right_nodes.sequence

)

select * from final
