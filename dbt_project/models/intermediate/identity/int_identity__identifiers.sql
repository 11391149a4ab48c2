with evidence as (

    select * from {{ ref('int_identity__evidence') }}

),

events as (

    select * from {{ ref('int_events__flagged') }}

),

users as (

    select * from {{ ref('stg_product__users') }}

),

leads as (

    select * from {{ ref('stg_salesforce__lead') }}

),

contacts as (

    select * from {{ ref('stg_salesforce__contact') }}

),

hubspot_contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

marketo_leads as (

    select * from {{ ref('stg_marketo__leads') }}

),

outreach_prospects as (

    select * from {{ ref('stg_outreach__prospects') }}

),

identity_blocked_values as (

    select * from {{ ref('identity_blocked_values') }}

),

identity_id_types as (

    select * from {{ ref('identity_id_types') }}

),

role_local_parts as (

    select * from {{ ref('role_local_parts') }}

),

observed as (

    select
        left_type as id_type,
        left_value as id_value,
        first_seen_at,
        last_seen_at
    from evidence

    union all

    select
        right_type,
        right_value,
        first_seen_at,
        last_seen_at
    from evidence

    union all

    select
        'anonymous_id',
        anonymous_id,
        min(event_at),
        max(event_at)
    from events
    where
        anonymous_id is not null
        and not (is_bot or is_other_environment or is_test or is_duplicate or is_deleted)
    group by anonymous_id

    union all

    select
        'user_id',
        user_id,
        created_at,
        updated_at
    from users

    union all

    select
        'sfdc_lead_id',
        sfdc_lead_id,
        created_at,
        updated_at
    from leads

    union all

    select
        'sfdc_contact_id',
        sfdc_contact_id,
        created_at,
        updated_at
    from contacts

    union all

    select
        'hubspot_contact_id',
        hubspot_contact_id,
        created_at,
        updated_at
    from hubspot_contacts

    union all

    select
        'marketo_lead_id',
        marketo_lead_id,
        created_at,
        updated_at
    from marketo_leads

    union all

    select
        'outreach_prospect_id',
        outreach_prospect_id,
        created_at,
        updated_at
    from outreach_prospects

),

identifiers as (

    select
        id_type,
        id_value,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from observed
    group by id_type, id_value

),

-- The parts by which an identifier can be known to stand for nobody.
parts as (

    select
        id_type,
        id_value,
        'whole' as part,
        lower(id_value) as part_value
    from identifiers

    union all

    select
        id_type,
        id_value,
        'zeros',
        '0'
    from identifiers
    where trim(id_value, '0-') = ''

    union all

    select
        id_type,
        id_value,
        'local_part',
        {{ email_local_part('id_value') }}
    from identifiers
    where id_type = 'email'

    union all

    select
        id_type,
        id_value,
        'host',
        split_part(id_value, '@', 2)
    from identifiers
    where id_type = 'email'

),

blocked as (

    select distinct
        parts.id_type,
        parts.id_value
    from parts
    inner join
        identity_blocked_values
        on
            parts.part = identity_blocked_values.part
            and parts.part_value = identity_blocked_values.value
            and identity_blocked_values.id_type in ('*', parts.id_type)

),

-- Apart, so that each join below is one of equal columns: those join by hash.
role_addresses as (

    select
        identifiers.id_type,
        identifiers.id_value
    from identifiers
    inner join
        role_local_parts
        on {{ email_local_part('identifiers.id_value') }} = role_local_parts.local_part
    where identifiers.id_type = 'email'

),

final as (

    select
        identifiers.id_type,
        identifiers.id_value,
        identifiers.first_seen_at,
        identifiers.last_seen_at,
        case
            when blocked.id_value is not null then 'blocked_value'
            when length(identifiers.id_value) < identity_id_types.min_length then 'blocked_value'
            when role_addresses.id_value is not null then 'role_address'
        end as guard
    from identifiers
    inner join identity_id_types on identifiers.id_type = identity_id_types.id_type
    left join
        blocked
        on
            identifiers.id_type = blocked.id_type
            and identifiers.id_value = blocked.id_value
    left join
        role_addresses
        on
            identifiers.id_type = role_addresses.id_type
            and identifiers.id_value = role_addresses.id_value

)

select * from final
