{{ config(materialized='table') }}

with workspaces as (

    select * from {{ ref('dim_workspaces') }}

),

overage as (

    select * from {{ ref('int_workspace_overage') }}

),

active_sales as (

    select * from {{ ref('int_accounts_with_active_sales') }}

),

exclusions as (

    select
        workspace_id,
        list(row_number order by row_number) as sheet_rows
    from {{ ref('int_exclusions_resolved') }}
    group by workspace_id

),

consenting_admins as (

    select
        members.workspace_id,
        count(*) as admins,
        count(*) filter (where permissions.may_receive_marketing) as consenting_admins
    from {{ ref('workspace_members') }} as members
    left join {{ ref('contact_permissions') }} as permissions
        on members.person_key = permissions.person_key
    where members.role = 'admin'
    group by members.workspace_id

),

fit as (

    select * from {{ ref('fct_icp_scores') }}

),

settings as (

    select
        cast(max(value) filter (where setting = 'high_usage_share') as double) as high_usage_share,
        cast(max(value) filter (where setting = 'overage_value_top_quantile') as double)
            as top_quantile,
        max(value) filter (where setting = 'high_usage_icp_tiers') as icp_tiers
    from {{ ref('audience_settings') }}

),

observed as (

    select
        workspaces.workspace_id,
        workspaces.account_key,
        workspaces.organization_id,
        workspaces.workspace_name,
        workspaces.motion,
        workspaces.plan_code,
        workspaces.mrr_cents,
        workspaces.created_at,
        workspaces.is_internal,
        workspaces.is_test,
        workspaces.is_deleted,
        overage.meter,
        overage.used,
        overage.included,
        overage.used_share,
        overage.overage_units,
        overage.overage_value_cents,
        overage.overage_since,
        overage.period_start,
        overage.period_end,
        overage.is_every_meter_extended,
        overage.extension_until,
        active_sales.sfdc_opportunity_id as active_opportunity_id,
        active_sales.is_on_parent as is_active_opportunity_on_parent,
        exclusions.sheet_rows,
        coalesce(consenting_admins.admins, 0) as admins,
        coalesce(consenting_admins.consenting_admins, 0) as consenting_admins,
        fit.tier as icp_tier,
        fit.score as icp_score
    from workspaces
    left join overage
        on workspaces.workspace_id = overage.workspace_id
    left join active_sales
        on workspaces.account_key = active_sales.account_key
    left join exclusions
        on workspaces.workspace_id = exclusions.workspace_id
    left join consenting_admins
        on workspaces.workspace_id = consenting_admins.workspace_id
    left join fit
        on workspaces.account_key = fit.account_key

),

-- The most valuable overages are those of the members of aud_overage_self_serve.
valued as (

    select
        overage_value_cents,
        cume_dist() over (order by overage_value_cents) as share_up_to_here
    from observed
    where motion = 'self_serve'
        and not is_internal
        and not is_test
        and not is_deleted
        and not is_every_meter_extended

),

value_line as (

    select min(valued.overage_value_cents) as overage_value_cents
    from valued
    cross join settings
    where valued.share_up_to_here >= settings.top_quantile

),

final as (

    select
        observed.* exclude (is_internal, is_test, is_deleted),
        not coalesce(observed.is_internal, false) as p_not_internal,
        case when observed.is_internal then 'our own' else 'external' end as observed_not_internal,
        not coalesce(observed.is_test, false) as p_not_test,
        case when observed.is_test then 'made by tests' else 'real' end as observed_not_test,
        not coalesce(observed.is_deleted, false) as p_not_deleted,
        case when observed.is_deleted then 'deleted' else 'alive' end as observed_not_deleted,
        coalesce(observed.motion = 'self_serve', false) as p_self_serve,
        coalesce(observed.motion, 'unknown') as observed_self_serve,
        observed.meter is not null as p_in_overage,
        coalesce(
            observed.meter || ' ' || observed.used || ' of ' || observed.included, 'no meter is over'
        ) as observed_in_overage,
        not coalesce(observed.is_every_meter_extended, false) as p_no_extension,
        coalesce('until ' || strftime(observed.extension_until, '%Y-%m-%d'), 'none')
            as observed_no_extension,
        observed.active_opportunity_id is null as p_no_active_opportunity,
        coalesce(
            observed.active_opportunity_id
            || case when observed.is_active_opportunity_on_parent then ' on the parent' else '' end,
            'none'
        ) as observed_no_active_opportunity,
        observed.sheet_rows is null as p_not_excluded,
        coalesce('sheet row ' || array_to_string(observed.sheet_rows, ', '), 'not on the sheet')
            as observed_not_excluded,
        observed.consenting_admins > 0 as p_admin_consents,
        observed.consenting_admins || ' of ' || observed.admins || ' admins' as observed_admin_consents,
        coalesce(
            observed.used_share >= settings.high_usage_share
            or observed.overage_value_cents >= value_line.overage_value_cents,
            false
        ) as p_high_usage,
        coalesce(
            cast(round(100 * observed.used_share) as bigint) || '% of the plan, worth '
            || printf('%.2f', observed.overage_value_cents / 100) || ' USD',
            'no meter is over'
        ) as observed_high_usage,
        coalesce(
            list_contains(string_split(settings.icp_tiers, '|'), observed.icp_tier), false
        ) as p_good_fit,
        coalesce(observed.icp_tier, 'not scored') as observed_good_fit
    from observed
    cross join settings
    cross join value_line

)

select * from final
