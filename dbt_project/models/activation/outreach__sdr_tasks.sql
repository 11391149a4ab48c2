with audience as (

    select * from {{ ref('aud_overage_high_usage') }}

),

contacts as (

    select * from {{ ref('overage_contacts') }}
    where person_key is not null

),

qualifications as (

    select * from {{ ref('account_qualifications') }}

),

meters as (

    select * from {{ ref('usage_meters') }}

),

settings as (

    select cast(value as integer) as due_days
    from {{ ref('activation_settings') }}
    where setting = 'sdr_task_due_days'

),

final as (

    select
        {{ md5_key([
            "audience.workspace_id", "strftime(audience.period_start, '%Y-%m')"
        ]) }} as task_key,
        contacts.person_key,
        audience.workspace_id,
        {{ add_days("date_trunc('day', " ~ as_of() ~ ")", 'settings.due_days') }} as due_at,
        audience.workspace_name || ' has used '
        || coalesce(format('{:,}', audience.used), '') || ' of '
        || coalesce(format('{:,}', audience.included), '') || ' '
        || coalesce(meters.label, audience.meter) || ' in '
        || strftime(audience.period_start, '%B %Y')
        || coalesce(' (' || cast(round(100 * audience.used_share) as bigint) || '%)', '')
        || ', over its plan (' || audience.plan_code || ') since '
        || strftime(audience.overage_since, '%Y-%m-%d') || '.'
        || coalesce(' Fit ' || qualifications.icp_tier, '')
        || coalesce(': ' || qualifications.icp_reasons || '.', '')
        || coalesce(' ' || qualifications.pql_reasons || '.', '') as note
    from audience
    inner join contacts
        on audience.workspace_id = contacts.workspace_id
    cross join settings
    left join qualifications
        on audience.account_key = qualifications.account_key
    left join meters
        on audience.meter = meters.meter

)

select * from final
