{#- The key of the person whose anchor is this identifier; null where there is none. -#}
{% macro person_key(node) -%}
    {{ md5_key(["'person'", node]) }}
{%- endmacro %}
