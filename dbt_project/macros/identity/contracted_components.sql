{#- Connected components by deterministic contraction, in a number of rounds that grows with the logarithm
    of the longest path. The arguments and the result are those of connected_components.

    Each round: every node points at the smallest label among itself and its neighbours; pointers are
    followed once more; edges are redrawn between what their ends point at, loops and doubles dropped. -#}
{% macro contracted_components(edges) -%}
    {%- set nodes = temporary_table('contraction_nodes', "
        with nodes as (
            select left_sequence as sequence from " ~ edges ~ "
            union
            select right_sequence from " ~ edges ~ "
        )
        select sequence, row_number() over (order by md5(cast(sequence as varchar)), sequence) as label
        from nodes
    ") -%}
    {%- set contracted = temporary_table('contraction_edges', "
        select distinct
            least(left_nodes.label, right_nodes.label) as smaller,
            greatest(left_nodes.label, right_nodes.label) as larger
        from " ~ edges ~ " as edges
        inner join " ~ nodes ~ " as left_nodes on edges.left_sequence = left_nodes.sequence
        inner join " ~ nodes ~ " as right_nodes on edges.right_sequence = right_nodes.sequence
        where left_nodes.label <> right_nodes.label
    ") -%}
    {%- set roots = temporary_table('contraction_roots', "
        select label, label as root from " ~ nodes
    ) -%}
    {%- if execute -%}
        {%- set left_over = namespace(edges=1) -%}
        {%- for round in range(200) -%}
            {%- if left_over.edges > 0 -%}
                {%- set left_over.edges = run_query(
                    "select count(*) as edges from " ~ contracted
                ).columns[0].values()[0] | int -%}
                {%- if left_over.edges > 0 -%}
                    {%- do contract(contracted, roots) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if left_over.edges > 0 -%}
            {%- do exceptions.raise_compiler_error(
                "contracted_components: edges are left after 200 rounds in " ~ this
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return("(
        select nodes.sequence, root_nodes.sequence as component
        from " ~ nodes ~ " as nodes
        inner join " ~ roots ~ " as roots on nodes.label = roots.label
        inner join " ~ nodes ~ " as root_nodes on roots.root = root_nodes.label
    )") }}
{%- endmacro %}

{#- One round over the temporary tables of contracted_components. -#}
{% macro contract(edges, roots) -%}
    {%- set pointers = temporary_table('contraction_pointers', "
        with pointers as (
            select label, least(label, min(neighbour)) as target
            from (
                select smaller as label, larger as neighbour from " ~ edges ~ "
                union all
                select larger, smaller from " ~ edges ~ "
            ) as directed
            group by label
        )
        select pointers.label, followed.target
        from pointers
        inner join pointers as followed on pointers.target = followed.label
    ") -%}
    {%- do temporary_table('contraction_edges', "
        select distinct
            least(smaller.target, larger.target) as smaller,
            greatest(smaller.target, larger.target) as larger
        from " ~ edges ~ " as edges
        inner join " ~ pointers ~ " as smaller on edges.smaller = smaller.label
        inner join " ~ pointers ~ " as larger on edges.larger = larger.label
        where smaller.target <> larger.target
    ") -%}
    {%- do temporary_table('contraction_roots', "
        select roots.label, coalesce(pointers.target, roots.root) as root
        from " ~ roots ~ " as roots
        left join " ~ pointers ~ " as pointers on roots.root = pointers.label
    ") -%}
{%- endmacro %}
