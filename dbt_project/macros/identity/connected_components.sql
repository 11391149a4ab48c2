{#- Connected components of an undirected graph, exact in any order of the edges, in a number of rounds
    that grows with the logarithm of the longest path (deterministic contraction; the decision is
    docs/decisions/0001-connected-components.md).

    edges: a query; left_column, right_column: its two node columns (text, not null).
    Returns the name of a temporary table (node, component), where component is the node of the
    component that comes first by md5. Nodes without edges are not in it.

    Each round: every node points at the smallest label among itself and its neighbours; pointers are
    followed once more; edges are redrawn between what their ends point at, loops and doubles dropped. -#}
{% macro connected_components(edges, left_column, right_column) -%}
    {%- set name = 'components_of_' ~ this.identifier -%}
    {%- if execute -%}
        {%- do run_query("
            create or replace temporary table " ~ name ~ "_nodes as
            with nodes as (
                select " ~ left_column ~ " as node from (" ~ edges ~ ")
                union
                select " ~ right_column ~ " from (" ~ edges ~ ")
            )
            select node, row_number() over (order by md5(node), node) as label from nodes
        ") -%}
        {%- do run_query("
            create or replace temporary table " ~ name ~ "_edges as
            select distinct
                least(left_nodes.label, right_nodes.label) as smaller,
                greatest(left_nodes.label, right_nodes.label) as larger
            from (" ~ edges ~ ") as edges
            inner join " ~ name ~ "_nodes as left_nodes on edges." ~ left_column ~ " = left_nodes.node
            inner join " ~ name ~ "_nodes as right_nodes on edges." ~ right_column ~ " = right_nodes.node
            where left_nodes.label <> right_nodes.label
        ") -%}
        {%- do run_query("
            create or replace temporary table " ~ name ~ "_roots as
            select label, label as root from " ~ name ~ "_nodes
        ") -%}
        {%- set state = namespace(edges=1) -%}
        {%- for round in range(200) -%}
            {%- if state.edges > 0 -%}
                {%- set state.edges = run_query(
                    "select count(*) as edges from " ~ name ~ "_edges"
                ).columns[0].values()[0] | int -%}
                {%- if state.edges > 0 -%}
                    {%- do contract_components(name) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if state.edges > 0 -%}
            {%- do exceptions.raise_compiler_error(
                "connected_components: edges are left after 200 rounds in " ~ this
            ) -%}
        {%- endif -%}
        {%- do run_query("
            create or replace temporary table " ~ name ~ " as
            select nodes.node, root_nodes.node as component
            from " ~ name ~ "_nodes as nodes
            inner join " ~ name ~ "_roots as roots on nodes.label = roots.label
            inner join " ~ name ~ "_nodes as root_nodes on roots.root = root_nodes.label
        ") -%}
    {%- endif -%}
    {{ return(name) }}
{%- endmacro %}

{#- One round of contraction over the temporary tables of connected_components. -#}
{% macro contract_components(name) -%}
    {%- do run_query("
        create or replace temporary table " ~ name ~ "_pointers as
        with pointers as (
            select label, least(label, min(neighbour)) as target
            from (
                select smaller as label, larger as neighbour from " ~ name ~ "_edges
                union all
                select larger, smaller from " ~ name ~ "_edges
            )
            group by label
        )
        select pointers.label, followed.target
        from pointers
        inner join pointers as followed on pointers.target = followed.label
    ") -%}
    {%- do run_query("
        create or replace temporary table " ~ name ~ "_edges as
        select distinct
            least(smaller.target, larger.target) as smaller,
            greatest(smaller.target, larger.target) as larger
        from " ~ name ~ "_edges as edges
        inner join " ~ name ~ "_pointers as smaller on edges.smaller = smaller.label
        inner join " ~ name ~ "_pointers as larger on edges.larger = larger.label
        where smaller.target <> larger.target
    ") -%}
    {%- do run_query("
        create or replace temporary table " ~ name ~ "_roots as
        select roots.label, coalesce(pointers.target, roots.root) as root
        from " ~ name ~ "_roots as roots
        left join " ~ name ~ "_pointers as pointers on roots.root = pointers.label
    ") -%}
{%- endmacro %}
