{#- The host of a website, an e-mail address or a bare domain as typed: without scheme, credentials,
    www., port, path, query, fragment and trailing dot. Null where no registrable domain can come of
    it: no dot, an IP address, a reserved name (RFC 2606, RFC 6762), too long, or not a host at all. -#}
{% macro host(column) -%}
    nullif(
        regexp_replace(
            regexp_extract(
                lower(regexp_replace({{ column }}, '[\s\x{00A0}\x{200B}\x{FEFF}]+', '', 'g')),
                '^(?:[a-z][a-z0-9+.-]*://|mailto:|//)?(?:[^/?#]*@)?(?:www[0-9]?\.)?'
                || '((?:[\pL\pN_](?:[\pL\pN\pM_-]*[\pL\pN\pM_])?\.)+\pL[\pL\pN\pM-]*)\.?(?:[:/?#].*)?$',
                1
            ),
            '^(.*\.(test|example|invalid|local|localhost)|.{254,})$',
            ''
        ),
        ''
    )
{%- endmacro %}
