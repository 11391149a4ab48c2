{#- A surrogate key: md5 in hexadecimal over the parts, in order. Parts must not be null. md5 and not
    the engine's own hash, which may change with its version. -#}
{% macro md5_key(parts) -%}
    {{ return(adapter.dispatch('md5_key', 'headwater')(parts)) }}
{%- endmacro %}

{% macro default__md5_key(parts) -%}
    md5({% for part in parts %}{{ part }}{% if not loop.last %} || '|' || {% endif %}{% endfor %})
{%- endmacro %}
