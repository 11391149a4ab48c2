{#- A timestamp as whole microseconds since 1970, as text. -#}
{% macro epoch_microseconds(timestamp) -%}
    {{ return(adapter.dispatch('epoch_microseconds', 'headwater')(timestamp)) }}
{%- endmacro %}

{% macro default__epoch_microseconds(timestamp) -%}
    cast(epoch_us({{ timestamp }}) as varchar)
{%- endmacro %}
