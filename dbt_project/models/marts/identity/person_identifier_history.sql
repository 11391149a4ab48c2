-- Append-only but for the closing of open periods. It is compared with the components as they are, so a
-- build in which it did not run loses nothing but that build's date.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['sequence', 'opened_in'],
    full_refresh=false,
    on_schema_change='fail'
) }}

with components as (

    select * from {{ ref('int_identity__components') }}

),

identity_key_registry as (

    select * from {{ ref('identity_key_registry') }}

),

links as (

    select * from {{ ref('int_identity__links') }}

),

{% if is_incremental() -%}
this_build as (

    select
        coalesce(max(greatest(opened_in, coalesce(closed_in, 0))), 0) + 1 as number,
        (select coalesce(max(greatest(opened_in, coalesce(cut_in, 0))), 0) from links) as links_through
    from {{ this }}

),

known as (

    select *
    from {{ this }}
    where closed_in is null

),
{%- else -%}
this_build as (

    select
        1 as number,
        coalesce(max(greatest(opened_in, coalesce(cut_in, 0))), 0) as links_through
    from links

),
{%- endif %}

opened as (

    select
        components.sequence,
        components.anchor
    from components
    {% if is_incremental() -%}
    left join known on components.sequence = known.sequence
    where
        components.anchor is not null
        and (known.sequence is null or components.anchor <> known.anchor)
    {%- else -%}
    where components.anchor is not null
    {%- endif %}

),

final as (

    select
        opened.sequence,
        opened.anchor,
        {{ person_key('identity_key_registry.node') }} as person_key,
        cast(this_build.number as bigint) as opened_in,
        {{ as_of() }} as valid_from,
        cast('{{ invocation_id }}' as varchar) as opened_by,
        cast(null as bigint) as closed_in,
        cast(null as timestamp) as valid_to,
        cast(null as varchar) as closed_by,
        cast(this_build.links_through as bigint) as links_through
    from opened
    cross join this_build
    inner join identity_key_registry on opened.anchor = identity_key_registry.sequence

    {%- if is_incremental() %}

    union all

    select
        known.sequence,
        known.anchor,
        known.person_key,
        known.opened_in,
        known.valid_from,
        known.opened_by,
        cast(this_build.number as bigint),
        {{ as_of() }},
        cast('{{ invocation_id }}' as varchar),
        cast(this_build.links_through as bigint)
    from known
    cross join this_build
    left join components on known.sequence = components.sequence
    where components.anchor is distinct from known.anchor
    {%- endif %}

)

select * from final
