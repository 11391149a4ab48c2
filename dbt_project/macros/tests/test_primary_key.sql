{#- The grain of a model: the columns are never null and together never repeat. One scan for both. -#}
{% test primary_key(model, columns, column_name=none) %}

select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
group by all
having count(*) > 1 or {% for column in columns %}{{ column }} is null{% if not loop.last %} or {% endif %}{% endfor %}

{% endtest %}
