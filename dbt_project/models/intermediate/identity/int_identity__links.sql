-- The edges that join people, with their past: a row is opened by the build that first accepts an edge
-- and closed by the build that no longer does. Builds are numbered; a number that changed nothing is
-- used again. Append-only but for the closing of open rows; what changed since any build can be asked.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['left_sequence', 'right_sequence', 'opened_in'],
    full_refresh=false,
    on_schema_change='fail'
) }}

with edges as (

    select * from {{ ref('int_identity__edges') }}

),

edges_exclusive as (

    select * from {{ ref('int_identity__edges_exclusive') }}

),

{% if is_incremental() -%}
this_build as (

    select coalesce(max(greatest(opened_in, coalesce(cut_in, 0))), 0) + 1 as number
    from {{ this }}

),

open_links as (

    select *
    from {{ this }}
    where cut_in is null

),
{%- else -%}
this_build as (

    select 1 as number

),
{%- endif %}

accepted as (

    select
        left_sequence,
        right_sequence
    from edges_exclusive
    where guard is null

),

opened as (

    select
        accepted.left_sequence,
        accepted.right_sequence
    from accepted
    {% if is_incremental() -%}
    left join open_links
        on
            accepted.left_sequence = open_links.left_sequence
            and accepted.right_sequence = open_links.right_sequence
    where open_links.left_sequence is null
    {%- endif %}

),

final as (

    select
        opened.left_sequence,
        opened.right_sequence,
        edges.rule_id,
        edges.source_record,
        cast(this_build.number as bigint) as opened_in,
        {{ as_of() }} as opened_at,
        cast(null as bigint) as cut_in,
        cast(null as timestamp) as cut_at,
        cast(null as varchar) as cut_by
    from opened
    cross join this_build
    inner join edges
        on
            opened.left_sequence = edges.left_sequence
            and opened.right_sequence = edges.right_sequence

    {%- if is_incremental() %}

    union all

    select
        open_links.left_sequence,
        open_links.right_sequence,
        open_links.rule_id,
        open_links.source_record,
        open_links.opened_in,
        open_links.opened_at,
        cast(this_build.number as bigint),
        {{ as_of() }},
        coalesce(edges_exclusive.guard, 'evidence_gone')
    from open_links
    cross join this_build
    left join edges_exclusive
        on
            open_links.left_sequence = edges_exclusive.left_sequence
            and open_links.right_sequence = edges_exclusive.right_sequence
    where edges_exclusive.left_sequence is null or edges_exclusive.guard is not null
    {%- endif %}

)

select * from final
