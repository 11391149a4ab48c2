{#- One text for all parts that tells them apart: equal for rows that agree in every part, a missing
    part being like another missing part and unlike an empty one. -#}
{% macro likeness(parts) -%}
    md5({% for part in parts -%}
        coalesce(
            cast(length(cast({{ part }} as varchar)) as varchar) || ':' || cast({{ part }} as varchar),
            '-'
        )
        {%- if not loop.last %} || {% endif %}
    {%- endfor %})
{%- endmacro %}
