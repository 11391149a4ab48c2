{#- The moment the models speak about: the variable as_of, else the time of the last load. The
    relation is named directly, since a clock is no lineage: a source() here would make every model
    depend on the loads of every source. -#}
{% macro as_of() -%}
    {%- if var('as_of', none) -%}
        cast('{{ var("as_of") }}' as timestamp)
    {%- else -%}
        (select max(landed_at) from {{ adapter.quote('landing') }}.{{ adapter.quote('loads') }})
    {%- endif -%}
{%- endmacro %}
