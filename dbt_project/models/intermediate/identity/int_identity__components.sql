-- Incremental and exact: a link that came or went concerns the components at its ends; all others stay
-- as they are. What a build writes anew is solved from all links of those components, so the result is
-- that of a build of everything, which a full refresh does (tests/dbt/identity/test_people_over_time.py).
-- An identifier that belongs to nobody any more keeps a row without an anchor.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='sequence',
    full_refresh=false,
    on_schema_change='fail'
) }}

{%- set belonging %}
    select
        nodes.sequence,
        nodes.is_device
    from {{ ref('int_identity__nodes') }} as nodes
    where
        nodes.guard is null
        -- Identifiers that a guard has taken out belong to no person. (A person of one identifier is
        -- one that has no edges at all, or only edges cut because of the other end.)
        and nodes.sequence not in (
            select guarded_sequence
            from {{ ref('int_identity__edges_exclusive') }}
            where
                guard in ('blocked_value', 'role_address', 'contested_identifier', 'contested_record')
                and guarded_sequence is not null
        )
{%- endset %}

{%- set solves_all = flags.FULL_REFRESH or not is_incremental() -%}

{%- set members %}
    with belonging as ({{ belonging }}
    )

    {% if not solves_all %}
    , last_build as (

        select coalesce(max(links_through), 0) as number
        from {{ this }}

    ),

    changed as (

        select links.left_sequence as sequence
        from {{ ref('int_identity__links') }} as links
        cross join last_build
        where links.opened_in > last_build.number or links.cut_in > last_build.number

        union

        select links.right_sequence
        from {{ ref('int_identity__links') }} as links
        cross join last_build
        where links.opened_in > last_build.number or links.cut_in > last_build.number

        union

        select coalesce(belonging.sequence, stored.sequence)
        from belonging
        full join (
            select sequence
            from {{ this }}
            where anchor is not null
        ) as stored on belonging.sequence = stored.sequence
        where belonging.sequence is null or stored.sequence is null

    ),

    touched as (

        select distinct stored.anchor
        from {{ this }} as stored
        inner join changed on stored.sequence = changed.sequence
        where stored.anchor is not null

    ),

    members as (

        select stored.sequence
        from {{ this }} as stored
        semi join touched on stored.anchor = touched.anchor

        union

        select sequence
        from changed

    )

    select
        members.sequence,
        belonging.is_device
    from members
    left join belonging on members.sequence = belonging.sequence
    {%- else %}
    select
        sequence,
        is_device
    from belonging
    {%- if is_incremental() %}

    union all

    select
        stored.sequence,
        cast(null as boolean)
    from {{ this }} as stored
    anti join belonging on stored.sequence = belonging.sequence
    {%- endif %}
    {%- endif %}
{%- endset %}

{%- set members_table = temporary_table('members', members) -%}
{%- set edges = temporary_table('edges', "
    select
        links.left_sequence,
        links.right_sequence
    from " ~ ref('int_identity__links') ~ " as links
    semi join " ~ members_table ~ " as members on links.left_sequence = members.sequence
    where links.cut_in is null
") %}

with members as (

    select * from {{ members_table }}

),

components as (

    select * from {{ connected_components(edges) }}

),

last_build as (

    select coalesce(max(greatest(opened_in, coalesce(cut_in, 0))), 0) as number
    from {{ ref('int_identity__links') }}

),

labelled as (

    select
        members.sequence,
        members.is_device,
        coalesce(components.component, members.sequence) as component
    from members
    left join components on members.sequence = components.sequence

),

-- A device may turn out to be shared, so it anchors only a person of whom nothing else is known.
anchors as (

    select
        component,
        coalesce(min(sequence) filter (where not is_device), min(sequence)) as anchor
    from labelled
    where is_device is not null
    group by component

),

final as (

    select
        labelled.sequence,
        case when labelled.is_device is not null then anchors.anchor end as anchor,
        cast(last_build.number as bigint) as links_through
    from labelled
    cross join last_build
    left join anchors on labelled.component = anchors.component

)

select * from final
