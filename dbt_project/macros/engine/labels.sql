{#- Lists of labels, as a host has them between its dots. -#}
{% macro split_labels(column) -%}
    {{ return(adapter.dispatch('split_labels', 'headwater')(column)) }}
{%- endmacro %}

{% macro default__split_labels(column) -%}
    string_split({{ column }}, '.')
{%- endmacro %}

{#- How many labels a list has. -#}
{% macro count_labels(labels) -%}
    {{ return(adapter.dispatch('count_labels', 'headwater')(labels)) }}
{%- endmacro %}

{% macro default__count_labels(labels) -%}
    len({{ labels }})
{%- endmacro %}

{#- The labels from a position (the first is 1) to the end, joined by dots again. -#}
{% macro join_labels(labels, position) -%}
    {{ return(adapter.dispatch('join_labels', 'headwater')(labels, position)) }}
{%- endmacro %}

{% macro default__join_labels(labels, position) -%}
    array_to_string({{ labels }}[{{ position }}:], '.')
{%- endmacro %}
