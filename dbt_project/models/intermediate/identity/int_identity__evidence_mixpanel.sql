with events as (

    select * from {{ ref('int_events__flagged') }}

),

-- Events of staff count here: their devices must be known as theirs.
usable_events as (

    select *
    from events
    where not (is_bot or is_other_environment or is_test or is_duplicate or is_deleted)

),

final as (

    select
        'anonymous_id' as left_type,
        anonymous_id as left_value,
        'user_id' as right_type,
        user_id as right_value,
        'event_device' as rule_id,
        'mixpanel.events/' || min(event_id) as source_record,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at
    from usable_events
    where anonymous_id is not null and user_id is not null
    group by anonymous_id, user_id

    union all

    select
        case when user_id is not null then 'user_id' else 'anonymous_id' end as left_type,
        coalesce(user_id, anonymous_id) as left_value,
        'email' as right_type,
        email as right_value,
        'form_email' as rule_id,
        'mixpanel.events/' || min(event_id) as source_record,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at
    from usable_events
    where is_valid_email and coalesce(user_id, anonymous_id) is not null
    group by all

)

select * from final
