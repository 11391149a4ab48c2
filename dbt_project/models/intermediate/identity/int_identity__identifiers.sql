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

identity_blocked_values as (

    select * from {{ ref('identity_blocked_values') }}

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

blocked as (

    select distinct
        identifiers.id_type,
        identifiers.id_value
    from identifiers
    inner join
        identity_blocked_values
        on
            identity_blocked_values.id_type in ('*', identifiers.id_type)
            and regexp_full_match(lower(identifiers.id_value), identity_blocked_values.pattern)

),

final as (

    select
        {{ identity_node('identifiers.id_type', 'identifiers.id_value') }} as node,
        identifiers.id_type,
        identifiers.id_value,
        identifiers.first_seen_at,
        identifiers.last_seen_at,
        case
            when blocked.id_value is not null then 'blocked_value'
            when role_local_parts.local_part is not null then 'role_address'
        end as guard
    from identifiers
    left join
        blocked
        on
            identifiers.id_type = blocked.id_type
            and identifiers.id_value = blocked.id_value
    left join
        role_local_parts
        on
            identifiers.id_type = 'email'
            and {{ email_local_part('identifiers.id_value') }} = role_local_parts.local_part

)

select * from final
