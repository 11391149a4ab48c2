{{ config(materialized='table') }}

with workspaces as (

    select * from {{ ref('dim_workspaces') }}

),

events as (

    select * from {{ ref('fct_events') }}

),

-- Only signed-in people are members; a guest's device is not.
recent_events as (

    select
        account_key,
        coalesce(person_key, user_id) as member,
        event_at
    from events
    where user_id is not null
        and account_key is not null
        and event_at >= {{ add_days(as_of(), -30) }}
        and event_at < {{ as_of() }}

),

active as (

    select
        account_key,
        count(distinct member) as active_members_30d,
        count(distinct member) filter (
            where event_at >= {{ add_days(as_of(), -7) }}
        ) as active_users_7d
    from recent_events
    group by account_key

),

product_accounts as (

    select distinct account_key
    from workspaces
    where account_key is not null
        and not is_test
        and not is_deleted

),

final as (

    select
        product_accounts.account_key,
        coalesce(active.active_members_30d, 0) as active_members_30d,
        coalesce(active.active_users_7d, 0) as active_users_7d
    from product_accounts
    left join active
        on product_accounts.account_key = active.account_key

)

select * from final
