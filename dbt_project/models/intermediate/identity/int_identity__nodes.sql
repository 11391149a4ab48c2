with identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

),

identity_key_registry as (

    select * from {{ ref('identity_key_registry') }}

),

identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

final as (

    select
        identity_key_registry.sequence,
        identifiers.id_type,
        identity_id_types.is_device,
        identifiers.first_seen_at,
        identifiers.last_seen_at,
        identifiers.guard
    from identifiers
    inner join identity_key_registry
        on
            identifiers.id_type = identity_key_registry.id_type
            and identifiers.id_value = identity_key_registry.id_value
    inner join identity_id_types on identifiers.id_type = identity_id_types.id_type

)

select * from final
