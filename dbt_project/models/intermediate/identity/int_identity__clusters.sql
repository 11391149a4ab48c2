{%- set components = connected_components(
    "select left_node, right_node from " ~ ref('int_identity__edges_exclusive') ~ " where guard is null",
    'left_node',
    'right_node'
) -%}

with identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

),

edges as (

    select * from {{ ref('int_identity__edges_exclusive') }}

),

components as (

    select * from {{ components }}

),

-- Identifiers that a guard has taken out belong to no person. (A person of one identifier is one
-- that has no edges at all, or only edges cut because of the other end.)
guarded as (

    select distinct guarded_node as node
    from edges
    where guard in ('blocked_value', 'role_address', 'contested_identifier', 'contested_record')

),

final as (

    select
        identifiers.node,
        identifiers.id_type,
        identifiers.id_value,
        identifiers.first_seen_at,
        identifiers.last_seen_at,
        coalesce(components.component, identifiers.node) as cluster
    from identifiers
    left join components on identifiers.node = components.node
    left join guarded on identifiers.node = guarded.node
    where identifiers.guard is null and guarded.node is null

)

select * from final
