-- Each identifier belongs to the user it is fewest edges away from. One that is equally near to two
-- users is contested and belongs to nobody, and passes nothing on. A user id typed on a CRM record
-- counts as two edges, so that it weighs as much as the owner of the record's address.
--
-- Incremental and exact: what is max_claim_hops or more away from every identifier whose surroundings
-- changed keeps its claim (tests/dbt/identity/test_owners_incremental.py). To walk from each of them costs
-- some three times what a build of everything does for it: where more than solve_all_above_percent
-- changed, as after the first writing to a CRM, everything is built.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='sequence',
    on_schema_change='fail'
) }}

{%- set undirected_table = temporary_table('undirected', "
    select
        left_sequence as sequence,
        left_type as id_type,
        right_sequence as neighbour,
        right_type as neighbour_type
    from " ~ ref('int_identity__edges_within_limits') ~ "
    where guard is null

    union all

    select
        right_sequence,
        right_type,
        left_sequence,
        left_type
    from " ~ ref('int_identity__edges_within_limits') ~ "
    where guard is null
") -%}

{#- Whatever decides a claim stands in the surroundings of some identifier that is near enough. -#}
{%- set surroundings_table = temporary_table('surroundings', "
    select
        undirected.sequence,
        undirected.id_type,
        " ~ sorted_list('undirected.neighbour') ~ " as surroundings,
        cast(identity_settings.value as integer) as max_hops
    from " ~ undirected_table ~ " as undirected
    cross join " ~ ref('identity_settings') ~ " as identity_settings
    where identity_settings.setting = 'max_claim_hops'
    group by undirected.sequence, undirected.id_type, identity_settings.value
") -%}

{%- set solves_all = not is_incremental() or holds("
    select
        count(*) filter (
            where
                stored.surroundings is distinct from surroundings.surroundings
                or stored.max_hops is distinct from surroundings.max_hops
        ) * 100 > max(identity_settings.value) * count(*)
    from " ~ surroundings_table ~ " as surroundings
    left join " ~ this ~ " as stored on surroundings.sequence = stored.sequence
    cross join " ~ ref('identity_settings') ~ " as identity_settings
    where identity_settings.setting = 'solve_all_above_percent'
") -%}

with recursive identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

identity_settings as (

    select * from {{ ref('identity_settings') }}

),

undirected as (

    select * from {{ undirected_table }}

),

surroundings as (

    select * from {{ surroundings_table }}

),

records as (

    select id_type
    from identity_id_types
    where is_record

),

max_hops as (

    select cast(value as integer) as hops
    from identity_settings
    where setting = 'max_claim_hops'

),

{% if is_incremental() -%}
vanished as (

    select stored.sequence
    from {{ this }} as stored
    anti join surroundings on stored.sequence = surroundings.sequence
    where stored.surroundings is not null

),
{%- endif %}

{% if not solves_all -%}
-- Twice as far as a claim reaches: what is written anew, and what may claim it.
nearby (sequence, steps) using key (sequence) as (

    select
        surroundings.sequence,
        0 as steps
    from surroundings
    left join {{ this }} as stored on surroundings.sequence = stored.sequence
    where
        stored.surroundings is distinct from surroundings.surroundings
        or stored.max_hops is distinct from surroundings.max_hops

    union

    select
        undirected.neighbour,
        min(nearby.steps) + 1
    from nearby
    inner join undirected on nearby.sequence = undirected.sequence
    where
        nearby.steps < (select 2 * max_hops.hops from max_hops)
        and not exists (
            select 1
            from recurring.nearby as known
            where known.sequence = undirected.neighbour
        )
    group by undirected.neighbour

),
{%- else -%}
nearby as (

    select
        sequence,
        0 as steps
    from surroundings

),
{%- endif %}

near_edges as materialized (

    select undirected.*
    from undirected
    {% if not solves_all -%}
    semi join nearby on undirected.sequence = nearby.sequence
    semi join nearby as nearby_neighbours on undirected.neighbour = nearby_neighbours.sequence
    {%- endif %}

),

-- The edge between a user and a record that names it, as two edges with a number of its own between.
record_links as materialized (

    select
        sequence,
        neighbour,
        -row_number() over (order by sequence, neighbour) as link
    from near_edges
    where id_type = 'user_id' and neighbour_type in (from records)

),

-- Materialised, or every round of the recursion would make them anew.
hops as materialized (

    select
        sequence,
        neighbour
    from near_edges
    where
        not (id_type = 'user_id' and neighbour_type in (from records))
        and neighbour_type <> 'user_id'

    union all

    select
        sequence,
        link
    from record_links

    union all

    select
        link,
        neighbour
    from record_links

),

claims (sequence, owner, hop) using key (sequence) as (

    select
        surroundings.sequence,
        surroundings.sequence,
        0
    from surroundings
    semi join nearby on surroundings.sequence = nearby.sequence
    where surroundings.id_type = 'user_id'

    union

    select
        hops.neighbour,
        case when min(claims.owner) = max(claims.owner) then min(claims.owner) end,
        min(claims.hop) + 1
    from claims
    inner join hops on claims.sequence = hops.sequence
    where
        claims.owner is not null
        and claims.hop < (select max_hops.hops from max_hops)
        and not exists (
            select 1
            from recurring.claims as known
            where known.sequence = hops.neighbour
        )
    group by hops.neighbour

),

final as (

    select
        surroundings.sequence,
        claims.owner,
        claims.sequence is not null and claims.owner is null as is_contested,
        claims.hop,
        surroundings.surroundings,
        surroundings.max_hops
    from surroundings
    inner join nearby on surroundings.sequence = nearby.sequence
    left join claims on surroundings.sequence = claims.sequence
    where nearby.steps <= (select max_hops.hops from max_hops)

    {%- if is_incremental() %}

    union all

    select
        sequence,
        null,
        false,
        null,
        null,
        null
    from vanished
    {%- endif %}

)

select * from final
