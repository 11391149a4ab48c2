{#- A company's name for comparison: without accents, case, punctuation and legal form at the end;
    & reads as and. Null where nothing is left. legal_forms: what alternatives() gives. -#}
{% macro comparable_company_name(column, legal_forms) -%}
    nullif(
        trim(regexp_replace(
            {{ company_name_words(column) }},
            '( ({{ legal_forms }}))+$',
            ''
        )),
        ''
    )
{%- endmacro %}

{#- The words of a name: lower case, without accents, with single blanks; dots vanish (B.V. is bv). -#}
{% macro company_name_words(column) -%}
    trim(regexp_replace(
        regexp_replace(replace(lower(strip_accents({{ column }})), '&', ' and '), '[.''’]', '', 'g'),
        '[^a-z0-9]+',
        ' ',
        'g'
    ))
{%- endmacro %}
