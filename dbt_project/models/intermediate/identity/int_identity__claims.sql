-- Each identifier belongs to the user it is fewest edges away from. One that is equally near to two
-- users is contested and belongs to nobody, and passes nothing on. A user id typed on a CRM record
-- counts as two edges, so that it weighs as much as the owner of the record's address.
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

undirected as (

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

-- Materialised, or every round of the recursion would make them anew.
hops as materialized (

    select
        undirected.node,
        undirected.neighbour
    from undirected
    where
        not (undirected.id_type = 'user_id' and undirected.neighbour_type in (from records))
        and undirected.neighbour_type <> 'user_id'

    union all

    select
        undirected.node,
        'link:' || undirected.node || '>' || undirected.neighbour
    from undirected
    where undirected.id_type = 'user_id' and undirected.neighbour_type in (from records)

    union all

    select
        'link:' || undirected.node || '>' || undirected.neighbour,
        undirected.neighbour
    from undirected
    where undirected.id_type = 'user_id' and undirected.neighbour_type in (from records)

),

max_hops as (

    select value as hops
    from identity_settings
    where setting = 'max_claim_hops'

),

claims (node, owner, hop) using key (node) as (

    select
        node,
        node,
        0
    from identifiers
    where id_type = 'user_id' and guard is null

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
        identifiers.node,
        claims.owner,
        claims.owner is null as is_contested,
        claims.hop
    from claims
    inner join identifiers on claims.node = identifiers.node

)

select * from final
