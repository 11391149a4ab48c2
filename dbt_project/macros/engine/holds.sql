{#- Whether the one value of the one row that a query gives is true. Asked while the model is built. -#}
{% macro holds(query) -%}
    {%- if not execute -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set answer = run_query(query) -%}
    {{ return(answer.rows | length > 0 and answer.rows[0][0] == true) }}
{%- endmacro %}
