{#- The name of a temporary table of this model's own that holds the result of a query. -#}
{% macro temporary_table(name, query) -%}
    {%- set table = this.identifier ~ '__' ~ name -%}
    {%- if execute -%}
        {%- do run_query('create or replace temporary table ' ~ table ~ ' as ' ~ query) -%}
    {%- endif -%}
    {{ return(table) }}
{%- endmacro %}
