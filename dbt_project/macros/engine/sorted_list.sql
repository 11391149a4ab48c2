{#- An aggregate: the values in order, as one value that can be compared. -#}
{% macro sorted_list(expression) -%}
    {{ return(adapter.dispatch('sorted_list', 'headwater')(expression)) }}
{%- endmacro %}

{% macro default__sorted_list(expression) -%}
    list_sort(list({{ expression }}))
{%- endmacro %}
