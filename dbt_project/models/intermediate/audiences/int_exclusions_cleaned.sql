with exclusions as (

    select * from {{ ref('stg_exclusions_sheet__exclusions') }}
    where not is_deleted

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

-- What spreadsheets and their users leave behind: no-break and zero-width blanks, byte order marks,
-- the apostrophe that forces text, quotes around the value.
without_dirt as (

    select
        exclusions.row_number,
        exclusions.key,
        host_domains.domain as key_domain,
        nullif(
            regexp_replace(
                trim(regexp_replace(exclusions.key, '[\s\x{00A0}\x{200B}\x{202F}\x{FEFF}]+', ' ', 'g')),
                '^[''’"\s]+|[''’",;\s]+$', '', 'g'
            ),
            ''
        ) as key_text,
        nullif(
            trim(regexp_replace(
                regexp_replace(exclusions.expires_on, '[\s\x{00A0}\x{200B}\x{202F}\x{FEFF},]+', ' ', 'g'),
                '^[''’]+', ''
            )),
            ''
        ) as expiry_text
    from exclusions
    left join host_domains
        on exclusions.key_host = host_domains.host

),

typed as (

    select
        row_number,
        key,
        key_text,
        expiry_text,
        key_domain,
        -- A link to the record, or the id itself; a sheet that took the id for a number lost its
        -- leading zeros.
        case
            when regexp_matches(key_text, '^001[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$') then key_text
            when regexp_matches(key_text, '^1[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$')
                and not regexp_matches(key_text, '^[0-9]+$') then '00' || key_text
            else nullif(
                regexp_extract(key_text, '[/=](001[A-Za-z0-9]{15}|001[A-Za-z0-9]{12})([/?&#]|$)', 1),
                ''
            )
        end as sfdc_account_id_text,
        coalesce(
            nullif(regexp_extract(key_text, '(?i)^(?:workspace|ws)?[ #:_-]*0*([1-9][0-9]{0,14})(?:\.0+)?$', 1), ''),
            nullif(regexp_extract(key_text, '(?i)/workspaces?/0*([1-9][0-9]{0,14})([/?#]|$)', 1), '')
        ) as workspace_id_text,
        lower(coalesce(key_text, '')) in ('', '#n/a', '#ref!', '#value!', 'n/a', 'na', '-', '?', 'tbd')
            as is_blank,
        lower(coalesce(expiry_text, '')) in ('', '-', 'n/a', 'na', 'never', 'none', 'forever', 'no')
            as is_without_end
    from without_dirt

),

dated as (

    select
        *,
        case when not is_without_end then {{ typed_date('expiry_text') }} end as last_day
    from typed

),

final as (

    select
        row_number,
        key,
        key_text,
        case
            when is_blank then 'unreadable'
            when sfdc_account_id_text is not null then 'sfdc_account_id'
            when workspace_id_text is not null then 'workspace_id'
            when key_domain is not null then 'domain'
            else 'unreadable'
        end as key_type,
        case
            when is_blank then null
            else coalesce(sfdc_account_id_text, workspace_id_text, key_domain)
        end as key_value,
        last_day,
        not is_without_end and last_day is null as is_expiry_unreadable,
        -- The last day still counts. What cannot be read stays in force: leaving somebody alone too
        -- long does less harm than writing to them.
        last_day is null or {{ add_days('cast(last_day as timestamp)', 1) }} > {{ as_of() }}
            as is_in_force
    from dated

)

select * from final
