{#- A timestamp moved by a number of days of 24 hours (negative: earlier). -#}
{% macro add_days(timestamp, days) -%}
    {{ return(adapter.dispatch('add_days', 'headwater')(timestamp, days)) }}
{%- endmacro %}

{% macro default__add_days(timestamp, days) -%}
    ({{ timestamp }} + to_hours(24 * cast({{ days }} as bigint)))
{%- endmacro %}
