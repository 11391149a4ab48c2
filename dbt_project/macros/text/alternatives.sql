{#- The values of a seed's column as alternatives of a regular expression, longest first, written into
    the statement: a pattern that comes out of a table is compiled again for every row. -#}
{% macro alternatives(seed, column) -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set found = run_query(
        "select " ~ column ~ " from " ~ seed ~ " order by length(" ~ column ~ ") desc, " ~ column
    ) -%}
    {{ return(found.columns[0].values() | map('replace', "'", "''") | join('|')) }}
{%- endmacro %}
