-- Append-only state: in which order identifiers of accounts were first met. Never rebuilt, since the
-- keys of accounts hang on it.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail'
) }}

with identifiers as (

    select
        *,
        {{ identity_node('id_type', 'id_value') }} as node
    from {{ ref('int_accounts__identifiers') }}
    where id_type <> 'workspace_id'

),

new_identifiers as (

    select
        node,
        id_type,
        id_value,
        case id_type when 'sfdc_account_id' then 1 when 'domain' then 2 else 3 end as anchor_rank,
        first_seen_at
    from identifiers
    {% if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as registered
        where registered.node = identifiers.node
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
        {{ as_of() }} as registered_at
    from new_identifiers

)

select * from final
