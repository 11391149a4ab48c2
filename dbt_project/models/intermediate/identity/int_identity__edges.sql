with evidence as (

    select * from {{ ref('int_identity__evidence') }}

),

identity_rules as (

    select * from {{ ref('identity_rules') }}

),

identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

),

directed as (

    select
        least(evidence.left_node, evidence.right_node) as left_node,
        greatest(evidence.left_node, evidence.right_node) as right_node,
        evidence.rule_id,
        evidence.strength,
        evidence.source_record,
        evidence.first_seen_at,
        evidence.last_seen_at,
        identity_rules.is_authoritative
    from evidence
    inner join identity_rules on evidence.rule_id = identity_rules.rule_id
    where evidence.left_node <> evidence.right_node

),

edges as (

    select
        left_node,
        right_node,
        max(strength) as strength,
        bool_or(is_authoritative) as is_authoritative,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        {{ first_by('rule_id', ['strength desc', 'rule_id', 'source_record']) }} as rule_id,
        {{ first_by('source_record', ['strength desc', 'rule_id', 'source_record']) }} as source_record
    from directed
    group by left_node, right_node

),

final as (

    select
        edges.left_node,
        edges.right_node,
        left_identifiers.id_type as left_type,
        left_identifiers.id_value as left_value,
        right_identifiers.id_type as right_type,
        right_identifiers.id_value as right_value,
        edges.rule_id,
        edges.strength,
        edges.is_authoritative,
        edges.source_record,
        edges.first_seen_at,
        edges.last_seen_at,
        coalesce(left_identifiers.guard, right_identifiers.guard) as guard,
        case
            when left_identifiers.guard is not null then edges.left_node
            when right_identifiers.guard is not null then edges.right_node
        end as guarded_node
    from edges
    inner join identifiers as left_identifiers on edges.left_node = left_identifiers.node
    inner join identifiers as right_identifiers on edges.right_node = right_identifiers.node

)

select * from final
