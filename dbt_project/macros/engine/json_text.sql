{#- One field of a JSON value as text; path as in '$.a.b'. -#}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text', 'headwater')(column, path)) }}
{%- endmacro %}

{% macro default__json_text(column, path) -%}
    json_extract_string({{ column }}, '{{ path }}')
{%- endmacro %}
