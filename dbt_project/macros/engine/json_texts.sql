{#- A JSON list of texts as a list of the engine's own, to be unnested. -#}
{% macro json_texts(column) -%}
    {{ return(adapter.dispatch('json_texts', 'headwater')(column)) }}
{%- endmacro %}

{% macro default__json_texts(column) -%}
    from_json({{ column }}, '["varchar"]')
{%- endmacro %}
