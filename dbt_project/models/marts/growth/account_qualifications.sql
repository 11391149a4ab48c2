with accounts as (

    select * from {{ ref('dim_accounts') }}

),

fit as (

    select * from {{ ref('fct_icp_scores') }}

),

icp_reasons as (

    select * from {{ ref('int_icp_reasons') }}

),

pqls as (

    select * from {{ ref('fct_pqls') }}

),

settings as (

    select cast(value as integer) as max_length
    from {{ ref('activation_settings') }}
    where setting = 'reasons_max_length'

),

-- What a reader in the CRM sees, one item a reason, the weightiest first; the floor of a score only
-- makes the sum come out and tells a reader nothing.
items as (

    select
        account_key,
        'icp' as kind,
        0 as position,
        tier_note as item
    from fit
    where tier_note is not null

    union all

    select
        fit.account_key,
        'icp' as kind,
        row_number() over (
            partition by fit.account_key
            order by abs(reasons.points) desc, reasons.rule_id
        ) as position,
        reasons.label
        || case
            when reasons.is_shown
                then ' ('
                    || coalesce(
                        format('{:,}', {{ try_cast('reasons.observed_value', 'bigint') }}),
                        reasons.observed_value
                    )
                    || ')'
            else ''
        end
        || case
            when round(reasons.points, 1) = round(reasons.points)
                then printf(' %+d', cast(round(reasons.points) as integer))
            else printf(' %+.1f', cast(reasons.points as double))
        end as item
    from fit
    inner join icp_reasons as reasons
        on fit.account_key = reasons.account_key
        and fit.icp_version = reasons.icp_version
    where reasons.rule_id <> 'floor'

    union all

    select
        account_key,
        'pql' as kind,
        precedence as position,
        headline as item
    from pqls

),

-- Cut between reasons, never inside one (but for a first reason that is too long by itself).
measured as (

    select
        items.*,
        sum(length(items.item) + 2) over (
            partition by items.account_key, items.kind
            order by items.position, items.item
            rows between unbounded preceding and current row
        ) - 2 as length_so_far,
        row_number() over (
            partition by items.account_key, items.kind
            order by items.position, items.item
        ) as item_number,
        settings.max_length
    from items
    cross join settings

),

texts as (

    select
        account_key,
        left(
            string_agg(item, '; ' order by item_number) filter (where kind = 'icp'),
            any_value(max_length)
        ) as icp_reasons,
        left(
            string_agg(item, '; ' order by item_number) filter (where kind = 'pql'),
            any_value(max_length)
        ) as pql_reasons
    from measured
    where length_so_far <= max_length
        or item_number = 1
    group by account_key

),

qualified as (

    select distinct account_key
    from pqls

),

final as (

    select
        accounts.account_key,
        fit.tier as icp_tier,
        -- A score of little that is known reads like a verdict; the tier says that it is none.
        case when fit.tier <> 'U' then round(fit.score, 1) end as icp_score,
        texts.icp_reasons,
        qualified.account_key is not null as is_pql,
        texts.pql_reasons
    from accounts
    left join fit
        on accounts.account_key = fit.account_key
    left join texts
        on accounts.account_key = texts.account_key
    left join qualified
        on accounts.account_key = qualified.account_key

)

select * from final
