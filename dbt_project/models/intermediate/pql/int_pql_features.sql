{{ config(materialized='table') }}

with accounts as (

    select * from {{ ref('dim_accounts') }}

),

fit as (

    select * from {{ ref('fct_icp_scores') }}

),

value_moments as (

    select
        moments.*,
        registry.label
    from {{ ref('fct_value_moments') }} as moments
    inner join {{ ref('value_moments') }} as registry
        on moments.moment_id = registry.moment_id
        and moments.moment_version = registry.version

),

activity as (

    select * from {{ ref('int_account_activity') }}

),

workspaces as (

    select * from {{ ref('dim_workspaces') }}
    where not is_test
        and not is_internal
        and not is_deleted

),

usage as (

    select
        periods.*,
        workspaces.workspace_name,
        coalesce(meters.label, periods.meter) as meter_label,
        states.state_rank,
        states.label as state_label
    from {{ ref('fct_usage_periods') }} as periods
    inner join workspaces
        on periods.workspace_id = workspaces.workspace_id
    inner join {{ ref('usage_states') }} as states
        on periods.state = states.state
    left join {{ ref('usage_meters') }} as meters
        on periods.meter = meters.meter
    where periods.is_current_period
        and periods.included is not null
        and workspaces.motion = 'self_serve'

),

usage_bands as (

    select * from {{ ref('usage_bands') }}

),

active_sales as (

    select * from {{ ref('int_accounts_with_active_sales') }}

),

excluded_accounts as (

    select
        workspaces.account_key,
        min(excluded.row_number) as row_number
    from {{ ref('int_exclusions_resolved') }} as excluded
    inner join workspaces
        on excluded.workspace_id = workspaces.workspace_id
    group by workspaces.account_key

),

account_workspaces as (

    select
        account_key,
        bool_or(motion = 'self_serve') as has_self_serve_workspace,
        bool_or(motion = 'sales_assisted') as has_sales_assisted_workspace,
        sum(mrr_cents) as mrr_cents
    from workspaces
    group by account_key

),

furthest_usage as (

    select *
    from usage
    qualify row_number() over (
        partition by account_key
        order by state_rank desc, used_share desc nulls first, workspace_id, meter
    ) = 1

),

-- The highest band that the share reaches; below the first one the state's label says it all.
furthest_usage_in_words as (

    select
        furthest_usage.*,
        furthest_usage.state_label || coalesce(' ' || usage_bands.label, '') as state_in_words
    from furthest_usage
    left join usage_bands
        on furthest_usage.state = usage_bands.state
        and furthest_usage.used_share >= usage_bands.from_share
    qualify row_number() over (
        partition by furthest_usage.account_key
        order by usage_bands.from_share desc nulls last
    ) = 1

),

reached_moments as (

    select
        account_key,
        count(*) as moments_reached,
        list(reached_at order by reached_at, moment_id) as reached_at_by_count,
        string_agg(label || ' (' || occurrences || 'x)', '; ' order by reached_at, moment_id)
            as detail,
        string_agg(label, '; ' order by reached_at, moment_id) as summary
    from value_moments
    group by account_key

),

-- detail is exact, for the reasons in the warehouse; summary says the same without a count that
-- changes daily, for texts in other systems. since_by_value: its n-th element says since when the
-- value is at least n; where the value is not a count it has one element.
final as (

    select
        account_key,
        'record_type' as feature,
        record_type as value_text,
        cast(null as double) as value_number,
        cast(null as varchar) as detail,
        cast(null as varchar) as summary,
        cast(null as timestamp[]) as since_by_value
    from accounts

    union all by name

    select
        account_key,
        'is_internal' as feature,
        cast(coalesce(is_internal, false) as varchar) as value_text
    from accounts

    union all by name

    select
        account_key,
        'is_competitor' as feature,
        cast(coalesce(is_competitor, false) as varchar) as value_text
    from accounts

    union all by name

    select
        account_key,
        'is_customer' as feature,
        cast(coalesce(is_customer, false) as varchar) as value_text
    from accounts

    union all by name

    select
        accounts.account_key,
        'has_active_opportunity' as feature,
        cast(active_sales.account_key is not null as varchar) as value_text,
        active_sales.sfdc_opportunity_id as detail
    from accounts
    left join active_sales
        on accounts.account_key = active_sales.account_key

    union all by name

    select
        accounts.account_key,
        'is_excluded' as feature,
        cast(excluded_accounts.account_key is not null as varchar) as value_text,
        'sheet row ' || excluded_accounts.row_number as detail
    from accounts
    left join excluded_accounts
        on accounts.account_key = excluded_accounts.account_key

    union all by name

    select
        account_key,
        'has_self_serve_workspace' as feature,
        cast(has_self_serve_workspace as varchar) as value_text
    from account_workspaces

    union all by name

    select
        account_key,
        'has_sales_assisted_workspace' as feature,
        cast(has_sales_assisted_workspace as varchar) as value_text
    from account_workspaces

    union all by name

    select
        account_key,
        'is_paying' as feature,
        cast(coalesce(mrr_cents, 0) > 0 as varchar) as value_text
    from account_workspaces

    union all by name

    select
        fit.account_key,
        'icp_tier' as feature,
        fit.tier as value_text,
        coalesce('Fit score ' || round(fit.score)::integer || ', ', 'Fit ')
        || 'tier ' || fit.tier as detail
    from fit

    union all by name

    select
        account_key,
        'icp_score' as feature,
        cast(score as varchar) as value_text,
        score as value_number
    from fit
    where score is not null

    union all by name

    select
        account_workspaces.account_key,
        'moments_reached' as feature,
        cast(coalesce(reached_moments.moments_reached, 0) as varchar) as value_text,
        cast(coalesce(reached_moments.moments_reached, 0) as double) as value_number,
        reached_moments.detail,
        reached_moments.summary,
        reached_moments.reached_at_by_count as since_by_value
    from account_workspaces
    left join reached_moments
        on account_workspaces.account_key = reached_moments.account_key

    union all by name

    select
        account_key,
        'active_users_7d' as feature,
        cast(active_users_7d as varchar) as value_text,
        cast(active_users_7d as double) as value_number
    from activity

    union all by name

    select
        account_key,
        'usage_state' as feature,
        state as value_text,
        state_label || ': ' || format('{:,}', used) || ' of ' || format('{:,}', included) || ' '
        || meter_label || coalesce(' in ' || workspace_name, '') as detail,
        state_in_words || ': ' || meter_label || coalesce(' in ' || workspace_name, '') as summary,
        [cast(approaching_since as timestamp)] as since_by_value
    from furthest_usage_in_words

)

select * from final
