{#- An aggregate: the value of the first row in the given order, whose last key must be unique. -#}
{% macro first_by(expression, order_by) -%}
    {{ return(adapter.dispatch('first_by', 'headwater')(expression, order_by)) }}
{%- endmacro %}

{% macro default__first_by(expression, order_by) -%}
    first({{ expression }} order by {{ order_by | join(', ') }})
{%- endmacro %}
