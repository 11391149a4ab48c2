-- Each identifier belongs to the user it is fewest edges away from. One that is equally near to two
-- users is contested and belongs to nobody, and passes nothing on. A user id typed on a CRM record
-- counts as two edges, so that it weighs as much as the owner of the record's address.
--
-- Incremental and exact: what is max_claim_hops or more away from every identifier whose surroundings
-- changed keeps its claim (tests/dbt/identity/test_claims_incremental.py).
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='node',
    on_schema_change='fail'
) }}

with recursive edges as (

    select * from {{ ref('int_identity__edges_within_limits') }}

),

identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

identity_settings as (

    select * from {{ ref('identity_settings') }}

),

identifiers as (

    select * from {{ ref('int_identity__identifiers') }}

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

undirected as materialized (

    select
        left_node as node,
        left_type as id_type,
        right_node as neighbour,
        right_type as neighbour_type
    from edges
    where guard is null

    union all

    select
        right_node,
        right_type,
        left_node,
        left_type
    from edges
    where guard is null

),

neighbourhoods as (

    select
        node,
        string_agg(neighbour, ' ' order by neighbour) as neighbours
    from undirected
    group by node

),

-- Whatever decides a claim stands in the surroundings of some identifier that is near enough.
surroundings as materialized (

    select
        identifiers.node,
        {{ md5_key([
            'max_hops.hops',
            "coalesce(identifiers.guard, '')",
            "coalesce(neighbourhoods.neighbours, '')"
        ]) }} as surroundings
    from identifiers
    cross join max_hops
    left join neighbourhoods on identifiers.node = neighbourhoods.node

),

{% if is_incremental() -%}
vanished as (

    select stored.node
    from {{ this }} as stored
    anti join identifiers on stored.node = identifiers.node
    where stored.surroundings is not null

),

-- Twice as far as a claim reaches: what is written anew, and what may claim it.
nearby (node, steps) using key (node) as (

    select
        surroundings.node,
        0 as steps
    from surroundings
    left join {{ this }} as stored on surroundings.node = stored.node
    where stored.surroundings is distinct from surroundings.surroundings

    union

    select
        undirected.neighbour,
        min(nearby.steps) + 1
    from nearby
    inner join undirected on nearby.node = undirected.node
    where
        nearby.steps < (select 2 * max_hops.hops from max_hops)
        and not exists (
            select 1
            from recurring.nearby as known
            where known.node = undirected.neighbour
        )
    group by undirected.neighbour

),
{%- else -%}
nearby as (

    select
        node,
        0 as steps
    from identifiers

),
{%- endif %}

near_edges as materialized (

    select undirected.*
    from undirected
    {% if is_incremental() -%}
    semi join nearby on undirected.node = nearby.node
    semi join nearby as nearby_neighbours on undirected.neighbour = nearby_neighbours.node
    {%- endif %}

),

-- Materialised, or every round of the recursion would make them anew.
hops as materialized (

    select
        node,
        neighbour
    from near_edges
    where
        not (id_type = 'user_id' and neighbour_type in (from records))
        and neighbour_type <> 'user_id'

    union all

    select
        node,
        'link:' || node || '>' || neighbour
    from near_edges
    where id_type = 'user_id' and neighbour_type in (from records)

    union all

    select
        'link:' || node || '>' || neighbour,
        neighbour
    from near_edges
    where id_type = 'user_id' and neighbour_type in (from records)

),

claims (node, owner, hop) using key (node) as (

    select
        identifiers.node,
        identifiers.node,
        0
    from identifiers
    semi join nearby on identifiers.node = nearby.node
    where identifiers.id_type = 'user_id' and identifiers.guard is null

    union

    select
        hops.neighbour,
        case when min(claims.owner) = max(claims.owner) then min(claims.owner) end,
        min(claims.hop) + 1
    from claims
    inner join hops on claims.node = hops.node
    where
        claims.owner is not null
        and claims.hop < (select max_hops.hops from max_hops)
        and not exists (
            select 1
            from recurring.claims as known
            where known.node = hops.neighbour
        )
    group by hops.neighbour

),

final as (

    select
        surroundings.node,
        claims.owner,
        claims.node is not null and claims.owner is null as is_contested,
        claims.hop,
        surroundings.surroundings
    from surroundings
    inner join nearby on surroundings.node = nearby.node
    left join claims on surroundings.node = claims.node
    where nearby.steps <= (select max_hops.hops from max_hops)

    {%- if is_incremental() %}

    union all

    select
        node,
        null,
        false,
        null,
        null
    from vanished
    {%- endif %}

)

select * from final
