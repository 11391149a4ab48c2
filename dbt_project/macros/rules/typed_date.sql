{#- A date that a person typed, or null where no known form fits. The forms are tried in order: a date
    with slashes is read as month/day/year, as the sheet's locale writes it, and as day/month/year
    only where that is impossible. A bare number of five digits is the day count of a spreadsheet
    (day 1 is 1899-12-31). The expression must be free of commas and doubled blanks. -#}
{% macro typed_date(text) -%}
    case
        when regexp_matches({{ text }}, '^[1-9][0-9]{4}(\.[0-9]+)?$')
            then date '1899-12-30' + cast(floor({{ try_cast(text, 'double') }}) as integer)
        else cast(
            try_strptime(
                regexp_replace({{ text }}, '^([0-9]{4}-[0-9]{2}-[0-9]{2})T.*$', '\1'),
                [
                    '%Y-%m-%d', '%Y/%m/%d', '%Y%m%d',
                    '%d.%m.%Y', '%d.%m.%y',
                    '%m/%d/%y', '%m/%d/%Y', '%d/%m/%y', '%d/%m/%Y',
                    '%d-%m-%Y', '%d-%b-%Y', '%d %b %Y', '%d %B %Y', '%b %d %Y', '%B %d %Y'
                ]
            ) as date
        )
    end
{%- endmacro %}
