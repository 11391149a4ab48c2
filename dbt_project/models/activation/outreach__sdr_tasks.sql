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

accounts as (

    select * from {{ ref('dim_accounts') }}

),

meters as (

    select * from {{ ref('usage_meters') }}

),

settings as (

    select
        cast(
            max(value) filter (where setting = 'sdr_task_due_days') as integer
        ) as due_days,
        max(value) filter (where setting = 'sdr_task_pql') as told_pql_id
    from {{ ref('activation_settings') }}
    where setting in ('sdr_task_due_days', 'sdr_task_pql')

),

-- The note itself tells of the usage; what else qualifies the account is news.
other_pqls as (

    select
        pqls.account_key,
        string_agg(pqls.headline || '.', ' ' order by pqls.precedence, pqls.pql_id) as headlines
    from {{ ref('fct_pqls') }} as pqls
    cross join settings
    where pqls.pql_id <> settings.told_pql_id
    group by pqls.account_key

),

final as (

    select
        {{ md5_key([
            "audience.workspace_id", "strftime(audience.period_start, '%Y-%m')"
        ]) }} as task_key,
        contacts.person_key,
        audience.workspace_id,
        {{ add_days("date_trunc('day', " ~ as_of() ~ ")", 'settings.due_days') }} as due_at,
        coalesce(accounts.account_name || ', ', '')
        || 'workspace ' || audience.workspace_name || ': '
        || coalesce(format('{:,}', audience.used), '') || ' of '
        || coalesce(format('{:,}', audience.included), '') || ' '
        || coalesce(meters.label, audience.meter) || ' used in '
        || strftime(audience.period_start, '%B %Y')
        || coalesce(' (' || cast(round(100 * audience.used_share) as bigint) || '%)', '')
        || ', over its plan (' || audience.plan_code || ') since '
        || strftime(audience.overage_since, '%Y-%m-%d') || '.'
        || coalesce(' Fit ' || qualifications.icp_tier, '')
        || coalesce(': ' || qualifications.icp_reasons || '.', '')
        || coalesce(' ' || other_pqls.headlines, '') as note
    from audience
    inner join contacts
        on audience.workspace_id = contacts.workspace_id
    cross join settings
    left join qualifications
        on audience.account_key = qualifications.account_key
    left join accounts
        on audience.account_key = accounts.account_key
    left join other_pqls
        on audience.account_key = other_pqls.account_key
    left join meters
        on audience.meter = meters.meter

)

select * from final
