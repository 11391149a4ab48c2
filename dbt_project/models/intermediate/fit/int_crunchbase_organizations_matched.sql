with organizations as (

    select * from {{ ref('stg_crunchbase__organizations') }}

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

account_identifiers as (

    select * from {{ ref('account_identifiers') }}
    where id_type = 'domain'

),

-- An account may own several domains and a domain several profiles; the profile with the best rank
-- speaks for the account.
final as (

    select
        account_identifiers.account_key,
        organizations.*
    from organizations
    inner join host_domains
        on organizations.website_host = host_domains.host
    inner join account_identifiers
        on host_domains.domain = account_identifiers.id_value
    where not organizations.is_deleted
    qualify row_number() over (
        partition by account_identifiers.account_key
        order by organizations.rank_org nulls last, organizations.crunchbase_uuid
    ) = 1

)

select * from final
