-- Append-only state: in which order identifiers were first met. Never rebuilt, since the keys of
-- people hang on it.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail'
) }}

with clusters as (

    select * from {{ ref('int_identity__clusters') }}

),

identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

new_identifiers as (

    select
        clusters.node,
        clusters.id_type,
        clusters.id_value,
        clusters.first_seen_at,
        identity_id_types.anchor_rank
    from clusters
    inner join identity_id_types on clusters.id_type = identity_id_types.id_type
    {% if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as registered
        where registered.node = clusters.node
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
