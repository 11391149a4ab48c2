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

event_settings as (

    select * from {{ ref('event_settings') }}

),

near_duplicate as (

    select value as seconds
    from event_settings
    where setting = 'near_duplicate_seconds'

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

ordered as (

    select
        *,
        row_number() over same_insert_id as insert_id_occurrence,
        lag(event_at) over same_content as previous_event_at
    from events
    window
        same_insert_id as (
            partition by distinct_id, event_name, insert_id
            order by event_at, event_id
        ),
        same_content as (
            partition by
                distinct_id,
                event_name,
                anonymous_id,
                workspace_id,
                platform,
                environment,
                user_agent,
                current_url,
                email
            order by event_at, event_id
        )

),

flagged as (

    select
        ordered.event_id,
        ordered.event_at,
        ordered.event_name,
        ordered.user_id,
        ordered.anonymous_id,
        ordered.workspace_id,
        ordered.platform,
        ordered.environment,
        ordered.user_agent,
        ordered.current_url,
        ordered.utm_source,
        ordered.utm_medium,
        ordered.utm_campaign,
        ordered.email,
        ordered.is_valid_email,
        ordered.processed_at,
        ordered._landed_at,
        internal_users.user_id is not null as is_internal,
        test_workspaces.workspace_id is not null as is_test,
        bots.user_agent is not null as is_bot,
        ordered.environment is not null
        and not coalesce(event_environments.is_accepted, false) as is_other_environment,
        ordered.insert_id_occurrence > 1 as is_exact_duplicate,
        coalesce(
            {{ seconds_between('ordered.previous_event_at', 'ordered.event_at') }}
            <= near_duplicate.seconds,
            false
        ) as is_near_duplicate,
        ordered.is_deleted
    from ordered
    cross join near_duplicate
    left join internal_users on ordered.user_id = internal_users.user_id
    left join test_workspaces on ordered.workspace_id = test_workspaces.workspace_id
    left join bots on ordered.user_agent = bots.user_agent
    left join event_environments on ordered.environment = event_environments.environment

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
