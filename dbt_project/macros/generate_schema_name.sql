{#- Schemas are named as configured (staging, intermediate, marts, activation, seeds), without the
    target's schema as a prefix: the warehouse file is the environment. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
