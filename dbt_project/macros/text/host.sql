{#- The host of a website, an e-mail address or a bare domain as typed: without scheme, credentials,
    www., port, path, query, fragment and trailing dot. Null where no registrable domain can come of
    it: no dot, an IP address, a reserved name (RFC 2606, RFC 6762), too long, or not a host at all. -#}
{% macro host(column) -%}
    (
        {{ host_or_nothing(
            "regexp_replace(regexp_replace(regexp_extract("
            ~ "lower(regexp_replace(" ~ column ~ ", '[\\s\\x{00A0}\\x{200B}\\x{FEFF}]+', '', 'g')), "
            ~ "'^(?:[a-z][a-z0-9+.-]*://|mailto:|//)?(?:[^/?#]*@)?([^/?#:@]+)', 1), "
            ~ "'\\.+$', ''), '^www[0-9]?\\.(.+\\..+)$', '\\1')"
        ) }}
    )
{%- endmacro %}

{% macro host_or_nothing(expression) -%}
    case
        when length({{ expression }}) > 253 then null
        when regexp_matches({{ expression }}, '\.(test|example|invalid|local|localhost)$') then null
        when regexp_matches({{ expression }}, '^[0-9.]+$') then null
        when not regexp_matches(
            {{ expression }}, '^[\pL\pN_]([\pL\pN\pM_-]*[\pL\pN\pM_])?(\.[\pL\pN]([\pL\pN\pM_-]*[\pL\pN\pM])?)+$'
        ) then null
        else {{ expression }}
    end
{%- endmacro %}
