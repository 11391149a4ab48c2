{#- Connected components of an undirected graph, exact in any order of the edges
    (docs/decisions/0001-connected-components.md).

    edges: a relation with the columns left_sequence, right_sequence (bigint, not null).
    Returns what can stand after `from`: (sequence, component), where component is one of the
    component's own sequences. Nodes without edges are not in it.

    Two engines give the same partition, chosen by the variable identity_engine: `native`, a function of
    the warehouse's own process (headwater/connected_components.py), and `contraction`, plain SQL for
    an engine that has no such function. -#}
{% macro connected_components(edges) -%}
    {%- set engines = {'native': native_components, 'contraction': contracted_components} -%}
    {%- if var('identity_engine') not in engines -%}
        {%- do exceptions.raise_compiler_error(
            "identity_engine is " ~ var('identity_engine') ~ "; it must be native or contraction"
        ) -%}
    {%- endif -%}
    {{ return(engines[var('identity_engine')](edges)) }}
{%- endmacro %}

{% macro native_components(edges) -%}
(
        select
            unnest(found.components.sequences) as sequence,
            unnest(found.components.components) as component
        from (
            select connected_components(
                list(left_sequence order by left_sequence, right_sequence),
                list(right_sequence order by left_sequence, right_sequence)
            ) as components
            from {{ edges }}
        ) as found
    )
{%- endmacro %}
