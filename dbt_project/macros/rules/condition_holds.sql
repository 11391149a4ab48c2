{#- Whether a condition of a rule seed holds for an observed value: true, false, or null where the
    value is unknown (except for is_null, which asks just that). One meaning for fit rules, gates and
    PQL criteria.

    Every observed value has a text; one that can be compared as a number has a number too. Text is
    compared without regard to case. value_list is separated by |. matches is a regular expression.
    days_since_lt reads the text as a date and counts whole UTC days to as_of. -#}
{% macro condition_holds(operator, value_text, value_number, value_1, value_2, value_list) -%}
    case
        when {{ operator }} = 'is_null' then {{ value_text }} is null
        when {{ value_text }} is null then null
        when {{ operator }} = 'eq'
            then coalesce(
                {{ value_number }} = {{ try_cast(value_1, 'double') }},
                lower({{ value_text }}) = lower({{ value_1 }})
            )
        when {{ operator }} = 'ne'
            then not coalesce(
                {{ value_number }} = {{ try_cast(value_1, 'double') }},
                lower({{ value_text }}) = lower({{ value_1 }})
            )
        when {{ operator }} = 'in'
            then list_contains(string_split(lower({{ value_list }}), '|'), lower({{ value_text }}))
        when {{ operator }} = 'not_in'
            then not list_contains(string_split(lower({{ value_list }}), '|'), lower({{ value_text }}))
        when {{ operator }} = 'gt' then {{ value_number }} > cast({{ value_1 }} as double)
        when {{ operator }} = 'gte' then {{ value_number }} >= cast({{ value_1 }} as double)
        when {{ operator }} = 'lt' then {{ value_number }} < cast({{ value_1 }} as double)
        when {{ operator }} = 'lte' then {{ value_number }} <= cast({{ value_1 }} as double)
        when {{ operator }} = 'between'
            then {{ value_number }} between cast({{ value_1 }} as double) and cast({{ value_2 }} as double)
        when {{ operator }} = 'matches' then regexp_matches({{ value_text }}, {{ value_1 }})
        when {{ operator }} = 'days_since_lt'
            then date_diff('day', {{ try_cast(value_text, 'date') }}, cast({{ as_of() }} as date))
                < cast({{ value_1 }} as bigint)
        else error('Unknown operator in a rule seed: ' || {{ operator }})
    end
{%- endmacro %}
