with events as (

    select * from {{ ref('stg_mixpanel__events') }}

),

users as (

    select * from {{ ref('stg_product__users') }}

),

workspaces as (

    select * from {{ ref('stg_product__workspaces') }}

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

bot_user_agents as (

    select * from {{ ref('bot_user_agents') }}

),

event_environments as (

    select * from {{ ref('event_environments') }}

),

near_duplicate_events as (

    select * from {{ ref('near_duplicate_events') }}

),

bots as (

    select distinct user_agents.user_agent
    from (select distinct user_agent from events) as user_agents
    inner join
        bot_user_agents
        on contains(lower(user_agents.user_agent), bot_user_agents.fragment)

),

internal_users as (

    select users.user_id
    from users
    left join host_domains on users.email_host = host_domains.host
    where users.is_staff or host_domains.domain_class = 'internal'

),

test_workspaces as (

    select workspace_id
    from workspaces
    where is_test

),

-- Insert ids are nearly unique, so the few that are not are found by themselves first: grouping all
-- events by three texts and picking the first of each took a third of this model's time.
seen_insert_ids as (

    select insert_id
    from events
    group by insert_id
    having count(*) > 1

),

repeated_insert_ids as (

    select
        events.distinct_id,
        events.event_name,
        events.insert_id,
        {{ first_by('events.event_id', ['events.event_at', 'events.event_id']) }} as first_event_id
    from events
    inner join seen_insert_ids on events.insert_id = seen_insert_ids.insert_id
    group by events.distinct_id, events.event_name, events.insert_id
    having count(*) > 1

),

comparable as (

    select
        events.event_id,
        events.event_at,
        near_duplicate_events.within_seconds,
        lag(events.event_at) over (
            partition by
                events.distinct_id,
                events.event_name,
                events.anonymous_id,
                events.workspace_id,
                events.platform,
                events.environment,
                events.user_agent,
                events.current_url,
                events.utm_source,
                events.utm_medium,
                events.utm_campaign,
                events.email,
                events.other_properties
            order by events.event_at, events.event_id
        ) as previous_event_at
    from events
    inner join near_duplicate_events on events.event_name = near_duplicate_events.event_name

),

near_duplicates as (

    select event_id
    from comparable
    where {{ seconds_between('previous_event_at', 'event_at') }} <= within_seconds

),

flagged as (

    select
        events.event_id,
        events.event_at,
        events.event_name,
        events.user_id,
        events.anonymous_id,
        events.workspace_id,
        events.platform,
        events.environment,
        events.user_agent,
        events.current_url,
        events.utm_source,
        events.utm_medium,
        events.utm_campaign,
        events.email,
        events.is_valid_email,
        events.processed_at,
        events._landed_at,
        internal_users.user_id is not null as is_internal,
        test_workspaces.workspace_id is not null as is_test,
        bots.user_agent is not null as is_bot,
        events.environment is not null
        and not coalesce(event_environments.is_accepted, false) as is_other_environment,
        coalesce(
            repeated_insert_ids.first_event_id <> events.event_id, false
        ) as is_exact_duplicate,
        near_duplicates.event_id is not null as is_near_duplicate,
        events.is_deleted
    from events
    left join
        repeated_insert_ids
        on
            events.insert_id = repeated_insert_ids.insert_id
            and events.event_name = repeated_insert_ids.event_name
            and events.distinct_id = repeated_insert_ids.distinct_id
    left join near_duplicates on events.event_id = near_duplicates.event_id
    left join internal_users on events.user_id = internal_users.user_id
    left join test_workspaces on events.workspace_id = test_workspaces.workspace_id
    left join bots on events.user_agent = bots.user_agent
    left join event_environments on events.environment = event_environments.environment

),

final as (

    select
        *,
        is_exact_duplicate or is_near_duplicate as is_duplicate,
        not (
            is_internal
            or is_test
            or is_bot
            or is_other_environment
            or is_exact_duplicate
            or is_near_duplicate
            or is_deleted
        ) as is_accepted
    from flagged

)

select * from final
