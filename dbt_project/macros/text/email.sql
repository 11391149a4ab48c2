{#- An address as typed, without blanks (also no-break spaces) and in lower case; null if empty. -#}
{% macro normalised_email(column) -%}
    nullif(lower(regexp_replace({{ column }}, '[\s\x{00A0}\x{200B}\x{FEFF}]+', '', 'g')), '')
{%- endmacro %}

{#- Whether a normalised address has the shape of one: one @, something before it, a dot in the host. -#}
{% macro is_valid_email(column) -%}
    coalesce(
        regexp_matches({{ column }}, '^[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]+\.?$'), false
    )
{%- endmacro %}

{#- The comparison form of a normalised address: without a +tag. Never shown, never written to. -#}
{% macro email_without_tag(column) -%}
    regexp_replace({{ column }}, '^([^@+]+)\+[^@]*@', '\1@')
{%- endmacro %}

{#- What stands before the @, without a +tag. -#}
{% macro email_local_part(column) -%}
    nullif(regexp_extract({{ column }}, '^([^@+]+)', 1), '')
{%- endmacro %}

{#- The host of a normalised address. (Plain splitting: the expression behind host() costs ten times as
    much, and int_host_domains refuses what is no domain.) -#}
{% macro email_host(column) -%}
    nullif(rtrim(split_part({{ column }}, '@', 2), '.'), '')
{%- endmacro %}
