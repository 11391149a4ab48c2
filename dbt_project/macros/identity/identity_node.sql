{#- The name of an identifier in the identity graph. -#}
{% macro identity_node(id_type, id_value) -%}
    ({{ id_type }} || ':' || {{ id_value }})
{%- endmacro %}
