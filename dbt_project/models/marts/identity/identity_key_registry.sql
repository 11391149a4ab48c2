-- Append-only state: in which order identifiers were first met. Never rebuilt, since the keys of
-- people hang on it.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail'
) }}

with identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

),

identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

new_identifiers as (

    select
        {{ identity_node('identifiers.id_type', 'identifiers.id_value') }} as node,
        identifiers.id_type,
        identifiers.id_value,
        identifiers.first_seen_at,
        identity_id_types.anchor_rank
    from identifiers
    inner join identity_id_types on identifiers.id_type = identity_id_types.id_type
    {% if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as registered
        where registered.id_type = identifiers.id_type and registered.id_value = identifiers.id_value
    )
    {% endif %}

),

final as (

    select
        node,
        id_type,
        id_value,
        {% if is_incremental() %}(select coalesce(max(registered.sequence), 0) from {{ this }} as registered) +{% endif %}
        row_number() over (order by anchor_rank, first_seen_at, node) as sequence,
        first_seen_at,
        {{ as_of() }} as registered_at
    from new_identifiers

)

select * from final
