-- Incremental and exact: after every run the rows are those of a full refresh
-- (tests/dbt/test_events_incremental.py). Flagged anew are the events of loads that were not here
-- yet, what equals one of them closely enough that its own flags may change, what belongs to a user
-- or workspace that changed sides, and everything once a rule changed. A load is landed in one
-- transaction, so one whose id is here is here whole.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='event_id',
    on_schema_change='fail'
) }}

{%- set columns = [
    'event_id', 'event_at', 'event_name', 'distinct_id', 'insert_id', 'user_id', 'anonymous_id',
    'workspace_id', 'platform', 'environment', 'user_agent', 'current_url', 'utm_source',
    'utm_medium', 'utm_campaign', 'email', 'is_valid_email', 'processed_at', 'is_deleted',
    'likeness', '_load_id', '_landed_at'
] %}

with users as (

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

rules as (

    select {{ md5_key(["string_agg(rule, ';' order by rule)"]) }} as rules_key
    from (
        select 'bot:' || fragment as rule
        from bot_user_agents
        union all
        select 'environment:' || environment || ':' || cast(is_accepted as varchar)
        from event_environments
        union all
        select 'near:' || event_name || ':' || cast(within_seconds as varchar)
        from near_duplicate_events
    )

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

{% if is_incremental() -%}
new_loads as (

    select distinct _load_id from {{ ref('stg_mixpanel__events') }}
    except
    select distinct _load_id
    from {{ this }}
    where rules_key = (select rules.rules_key from rules)

),

{% endif -%}
new_events as (

    select
        events.*,
        case when near_duplicate_events.event_name is not null then {{ likeness([
            'events.distinct_id',
            'events.event_name',
            'events.anonymous_id',
            'events.workspace_id',
            'events.platform',
            'events.environment',
            'events.user_agent',
            'events.current_url',
            'events.utm_source',
            'events.utm_medium',
            'events.utm_campaign',
            'events.email',
            'events.other_properties'
        ]) }} end as likeness
    from {{ ref('stg_mixpanel__events') }} as events
    {% if is_incremental() -%}
    inner join new_loads on events._load_id = new_loads._load_id
    {% endif -%}
    left join near_duplicate_events on events.event_name = near_duplicate_events.event_name

),

{% if is_incremental() -%}
touched_events as (

    select
        stored.event_id,
        stored.insert_id,
        stored.likeness
    from {{ this }} as stored
    left join internal_users on stored.user_id = internal_users.user_id
    left join test_workspaces on stored.workspace_id = test_workspaces.workspace_id
    where
        stored.is_internal <> (internal_users.user_id is not null)
        or stored.is_test <> (test_workspaces.workspace_id is not null)
        or stored.insert_id in (select new_events.insert_id from new_events)
        or stored.likeness in (
            select new_events.likeness
            from new_events
            where new_events.likeness is not null
        )

),

-- What is touched, and what it has to be compared with.
neighbouring_events as (

    select stored.event_id
    from {{ this }} as stored
    where
        stored.insert_id in (select touched_events.insert_id from touched_events)
        or stored.likeness in (
            select touched_events.likeness
            from touched_events
            where touched_events.likeness is not null
        )

),

{% endif -%}
events as (

    select
        {{ columns | join(', ') }},
        true as is_written
    from new_events
    {%- if is_incremental() %}

    union all

    select
        {{ columns | join(', ') }},
        event_id in (select touched_events.event_id from touched_events)
    from {{ this }}
    where
        event_id in (select neighbouring_events.event_id from neighbouring_events)
        and event_id not in (select new_events.event_id from new_events)
    {%- endif %}

),

bots as (

    select distinct user_agents.user_agent
    from (select distinct user_agent from events) as user_agents
    inner join
        bot_user_agents
        on contains(lower(user_agents.user_agent), bot_user_agents.fragment)

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
            partition by events.likeness
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
        events.distinct_id,
        events.insert_id,
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
        events.likeness,
        internal_users.user_id is not null as is_internal,
        test_workspaces.workspace_id is not null as is_test,
        bots.user_agent is not null as is_bot,
        events.environment is not null
        and not coalesce(event_environments.is_accepted, false) as is_other_environment,
        coalesce(
            repeated_insert_ids.first_event_id <> events.event_id, false
        ) as is_exact_duplicate,
        near_duplicates.event_id is not null as is_near_duplicate,
        events.is_deleted,
        rules.rules_key,
        events._load_id,
        events._landed_at
    from events
    cross join rules
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
    where events.is_written

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
