{#- A Salesforce id in its 18-character form. Fifteen characters get the checksum suffix: one character
    for each block of five, from the positions of its capital letters (first character = 1, second = 2,
    ... sixteen), in A-Z then 0-5. Eighteen characters are kept; anything else is null, since it is no
    Salesforce id. Source: Salesforce's article "How to convert a 15-character id into an 18-character
    one". -#}
{% macro salesforce_id(column) -%}
    case
        when regexp_matches(trim({{ column }}), '^[A-Za-z0-9]{18}$') then trim({{ column }})
        when regexp_matches(trim({{ column }}), '^[A-Za-z0-9]{15}$')
            then trim({{ column }})
            {%- for block in range(3) %}
            || substr(
                'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345',
                1
                {%- for position in range(5) %}
                + case
                    when substr(trim({{ column }}), {{ block * 5 + position + 1 }}, 1) between 'A' and 'Z'
                        then {{ 2 ** position }} else 0
                end
                {%- endfor %},
                1
            )
            {%- endfor %}
    end
{%- endmacro %}
