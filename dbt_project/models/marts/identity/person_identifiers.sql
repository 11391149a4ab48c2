with components as (

    select * from {{ ref('int_identity__components') }}

),

nodes as (

    select * from {{ ref('int_identity__nodes') }}

),

identity_key_registry as (

    select * from {{ ref('identity_key_registry') }}

),

final as (

    select
        identity_key_registry.id_type,
        identity_key_registry.id_value,
        {{ person_key('anchors.node') }} as person_key,
        nodes.first_seen_at,
        nodes.last_seen_at
    from components
    inner join nodes on components.sequence = nodes.sequence
    inner join identity_key_registry on components.sequence = identity_key_registry.sequence
    inner join identity_key_registry as anchors on components.anchor = anchors.sequence

)

select * from final
