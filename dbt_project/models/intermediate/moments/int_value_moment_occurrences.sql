{{ config(materialized='table') }}

with moments as (

    select * from {{ ref('value_moments') }}
    where active_from <= cast({{ as_of() }} as date)
    qualify row_number() over (
        partition by moment_id
        order by active_from desc, version desc
    ) = 1

),

first_workspaces as (

    select * from {{ ref('int_account_first_workspaces') }}

),

events as (

    select * from {{ ref('fct_events') }}

),

inside_window as (

    select
        events.account_key,
        moments.moment_id,
        moments.version,
        moments.threshold,
        events.event_id,
        events.event_at,
        case moments.unit
            when 'account_total' then events.event_id
            when 'distinct_users' then coalesce(events.person_key, events.user_id)
            when 'distinct_days' then strftime(events.event_at, '%Y-%m-%d')
        end as counted_value
    from events
    inner join moments
        on events.event_name = moments.event_name
    inner join first_workspaces
        on events.account_key = first_workspaces.account_key
        and events.event_at >= first_workspaces.first_workspace_created_at
        and events.event_at < {{ add_days(
            'first_workspaces.first_workspace_created_at', 'moments.window_days'
        ) }}
    where events.event_at < {{ as_of() }}

),

first_of_each as (

    select *
    from inside_window
    where counted_value is not null
    qualify row_number() over (
        partition by account_key, moment_id, counted_value
        order by event_at, event_id
    ) = 1

),

final as (

    select
        account_key,
        moment_id,
        version as moment_version,
        threshold,
        event_id,
        event_at,
        row_number() over (
            partition by account_key, moment_id
            order by event_at, event_id
        ) as occurrence_number
    from first_of_each

)

select * from final
