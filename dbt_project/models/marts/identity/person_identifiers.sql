with clusters as (

    select * from {{ ref('int_identity__clusters') }}

),

identity_key_registry as (

    select * from {{ ref('identity_key_registry') }}

),

identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

-- A device may turn out to be shared, so it anchors only a person of whom nothing else is known.
anchors as (

    select
        clusters.cluster,
        {{ first_by(
            'identity_key_registry.node', ['identity_id_types.is_device', 'identity_key_registry.sequence']
        ) }} as anchor
    from clusters
    inner join identity_key_registry on clusters.node = identity_key_registry.node
    inner join identity_id_types on clusters.id_type = identity_id_types.id_type
    group by clusters.cluster

),

final as (

    select
        clusters.id_type,
        clusters.id_value,
        {{ md5_key(["'person'", 'anchors.anchor']) }} as person_key,
        clusters.first_seen_at,
        clusters.last_seen_at
    from clusters
    inner join anchors on clusters.cluster = anchors.cluster

)

select * from final
