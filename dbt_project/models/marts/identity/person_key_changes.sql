-- What became of people, from the periods of their identifiers: a build at a time, never written again.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail'
) }}

with history as (

    select * from {{ ref('person_identifier_history') }}

),

links as (

    select * from {{ ref('int_identity__links') }}

),

identity_key_registry as (

    select * from {{ ref('identity_key_registry') }}

),

closed as (

    select *
    from history
    where
        closed_in is not null
        {% if is_incremental() -%}
        and closed_in > (select coalesce(max(build), 0) from {{ this }})
        {%- endif %}

),

-- Links that came or went since the build before, by the build of the history that saw them.
builds as (

    select
        closed_in as build,
        max(links_through) as links_through,
        coalesce((
            select max(earlier.links_through)
            from history as earlier
            where greatest(earlier.opened_in, coalesce(earlier.closed_in, 0)) < closed.closed_in
        ), 0) as links_before
    from closed
    group by closed_in

),

moves as (

    select
        closed.closed_in as build,
        closed.sequence,
        closed.valid_to as changed_at,
        closed.closed_by as run_id,
        closed.person_key as from_person_key,
        opened.person_key as to_person_key
    from closed
    left join history as opened
        on closed.sequence = opened.sequence and closed.closed_in = opened.opened_in

),

changes as (

    select
        build,
        from_person_key,
        to_person_key,
        min(changed_at) as changed_at,
        min(run_id) as run_id,
        count(*) as identifiers
    from moves
    group by build, from_person_key, to_person_key

),

survivors as (

    select distinct
        changes.build,
        changes.from_person_key
    from changes
    inner join history
        on
            changes.from_person_key = history.person_key
            and history.opened_in <= changes.build
            and (history.closed_in is null or history.closed_in > changes.build)

),

elders as (

    select distinct
        changes.build,
        changes.to_person_key
    from changes
    inner join history
        on
            changes.to_person_key = history.person_key
            and history.opened_in < changes.build
            and (history.closed_in is null or history.closed_in >= changes.build)

),

seen_links as (

    select
        builds.build,
        links.left_sequence as sequence,
        links.right_sequence as neighbour,
        links.rule_id,
        links.source_record,
        case
            when links.cut_in between builds.links_before + 1 and builds.links_through then links.cut_by
        end as cut_by
    from links
    inner join builds
        on
            links.opened_in between builds.links_before + 1 and builds.links_through
            or links.cut_in between builds.links_before + 1 and builds.links_through

    union all

    select
        builds.build,
        links.right_sequence,
        links.left_sequence,
        links.rule_id,
        links.source_record,
        case
            when links.cut_in between builds.links_before + 1 and builds.links_through then links.cut_by
        end
    from links
    inner join builds
        on
            links.opened_in between builds.links_before + 1 and builds.links_through
            or links.cut_in between builds.links_before + 1 and builds.links_through

),

-- A link explains a move when it came between what moved and where it went, or went between what moved
-- and where it was. Where the person it went to is an older one, what came counts more.
causes as (

    select
        moves.build,
        moves.from_person_key,
        moves.to_person_key,
        seen_links.sequence,
        seen_links.neighbour,
        seen_links.rule_id,
        seen_links.source_record,
        seen_links.cut_by
    from moves
    inner join seen_links on moves.build = seen_links.build and moves.sequence = seen_links.sequence
    left join elders on moves.build = elders.build and moves.to_person_key = elders.to_person_key
    left join history as neighbour_before
        on
            seen_links.neighbour = neighbour_before.sequence
            and neighbour_before.opened_in < moves.build
            and (neighbour_before.closed_in is null or neighbour_before.closed_in >= moves.build)
    left join history as neighbour_after
        on
            seen_links.neighbour = neighbour_after.sequence
            and neighbour_after.opened_in <= moves.build
            and (neighbour_after.closed_in is null or neighbour_after.closed_in > moves.build)
    where
        case
            when seen_links.cut_by is null
                then
                    neighbour_after.person_key = moves.to_person_key
                    and neighbour_before.person_key is distinct from moves.from_person_key
            else
                neighbour_before.person_key = moves.from_person_key
                and neighbour_after.person_key is distinct from moves.to_person_key
        end
    qualify
        row_number() over (
            partition by moves.build, moves.from_person_key, moves.to_person_key
            order by
                case when (elders.build is null) = (seen_links.cut_by is not null) then 0 else 1 end,
                seen_links.sequence,
                seen_links.neighbour,
                seen_links.cut_by
        ) = 1

),

final as (

    select
        {{ md5_key([
            'cast(changes.build as varchar)',
            'changes.from_person_key',
            "coalesce(changes.to_person_key, '')"
        ]) }} as change_key,
        changes.build,
        changes.changed_at,
        changes.run_id,
        case
            when changes.to_person_key is null then 'taken_out'
            when survivors.build is null and elders.build is not null then 'merge'
            when survivors.build is not null and elders.build is null then 'unmerge'
            when survivors.build is null then 'new_key'
            else 'move'
        end as kind,
        changes.from_person_key,
        changes.to_person_key,
        changes.identifiers,
        case
            when causes.cut_by is not null then 'cut'
            when causes.build is not null then 'joined'
        end as cause,
        causes.rule_id as cause_rule_id,
        causes.cut_by as cause_guard,
        causes.source_record as cause_record,
        moved_ends.node as cause_identifier,
        other_ends.node as cause_neighbour
    from changes
    left join survivors
        on
            changes.build = survivors.build
            and changes.from_person_key = survivors.from_person_key
    left join elders
        on
            changes.build = elders.build
            and changes.to_person_key = elders.to_person_key
    left join causes
        on
            changes.build = causes.build
            and changes.from_person_key = causes.from_person_key
            and changes.to_person_key is not distinct from causes.to_person_key
    left join identity_key_registry as moved_ends on causes.sequence = moved_ends.sequence
    left join identity_key_registry as other_ends on causes.neighbour = other_ends.sequence

)

select * from final
