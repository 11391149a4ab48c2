{#- A relation of whole numbers from first to last, both included. -#}
{% macro number_series(relation, column, first, last) -%}
    {{ return(adapter.dispatch('number_series', 'headwater')(relation, column, first, last)) }}
{%- endmacro %}

{% macro default__number_series(relation, column, first, last) -%}
    generate_series({{ first }}, {{ last }}) as {{ relation }} ({{ column }})
{%- endmacro %}
