-- An account that is held changes at once where a person decides, where nothing speaks for it any more or
-- where another leads by switch_min_lead; a closer challenger has to persist for switch_min_days.
-- Periods are closed, never rewritten; the open one notes its challenger.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['organization_id', 'opened_in'],
    full_refresh=false,
    on_schema_change='fail'
) }}

with candidates as (

    select * from {{ ref('int_accounts__organization_candidates') }}

),

account_settings as (

    select * from {{ ref('account_settings') }}

),

limits as (

    select
        max(value) filter (where setting = 'switch_min_lead') as min_lead,
        max(value) filter (where setting = 'switch_min_days') as min_days
    from account_settings

),

best as (

    select *
    from candidates
    where place = 1

),

{% if is_incremental() -%}
this_build as (

    select coalesce(max(greatest(opened_in, coalesce(closed_in, 0))), 0) + 1 as number
    from {{ this }}

),

held as (

    select *
    from {{ this }}
    where closed_in is null

),

-- What speaks today for the account that is held.
standing as (

    select
        held.organization_id,
        candidates.rule_id,
        candidates.confidence,
        candidates.sfdc_account_id
    from held
    inner join candidates
        on
            held.organization_id = candidates.organization_id
            and held.account_root = candidates.account_root
    qualify row_number() over (partition by held.organization_id order by candidates.place) = 1

),

judged as (

    select
        best.organization_id,
        best.account_root as best_root,
        best.rule_id as best_rule_id,
        best.confidence as best_confidence,
        best.sfdc_account_id as best_sfdc_account_id,
        held.account_root as held_root,
        standing.rule_id as standing_rule_id,
        standing.confidence as standing_confidence,
        standing.sfdc_account_id as standing_sfdc_account_id,
        case
            when held.challenger_root = best.account_root then held.challenger_since
            else {{ as_of() }}
        end as challenger_since,
        -- Coalesced: where nothing challenges yet, the last condition is null.
        coalesce(
            held.organization_id is null
            or best.account_root = held.account_root
            or best.rule_id = 'manual'
            or held.rule_id = 'manual'
            or standing.organization_id is null
            or round(best.confidence - standing.confidence, 6) >= limits.min_lead
            or (
                held.challenger_root = best.account_root
                and {{ seconds_between('held.challenger_since', as_of()) }}
                >= limits.min_days * 86400
            ),
            false
        ) as takes_best
    from best
    cross join limits
    left join held on best.organization_id = held.organization_id
    left join standing on best.organization_id = standing.organization_id

),

decided as (

    select
        organization_id,
        case when takes_best then best_root else held_root end as account_root,
        case when takes_best then best_sfdc_account_id else standing_sfdc_account_id end
            as sfdc_account_id,
        case when takes_best then best_rule_id else standing_rule_id end as rule_id,
        case when takes_best then best_confidence else standing_confidence end as confidence,
        case when not takes_best then best_root end as challenger_root,
        case when not takes_best then best_rule_id end as challenger_rule_id,
        case when not takes_best then challenger_since end as challenger_since
    from judged

),
{%- else -%}
this_build as (

    select 1 as number

),

decided as (

    select
        organization_id,
        account_root,
        sfdc_account_id,
        rule_id,
        confidence,
        cast(null as varchar) as challenger_root,
        cast(null as varchar) as challenger_rule_id,
        cast(null as timestamp) as challenger_since
    from best

),
{%- endif %}

final as (

    {% if is_incremental() -%}
    -- Periods that go on, with another challenger than before.
    select
        held.* replace (
            decided.challenger_root as challenger_root,
            decided.challenger_rule_id as challenger_rule_id,
            decided.challenger_since as challenger_since
        )
    from held
    inner join decided
        on
            held.organization_id = decided.organization_id
            and held.account_root = decided.account_root
            and held.rule_id = decided.rule_id
            and held.confidence = decided.confidence
    where
        held.challenger_root is distinct from decided.challenger_root
        or held.challenger_rule_id is distinct from decided.challenger_rule_id

    union all

    -- Periods that end.
    select
        held.* replace (
            cast(this_build.number as bigint) as closed_in,
            {{ as_of() }} as valid_to,
            cast('{{ invocation_id }}' as varchar) as closed_by
        )
    from held
    cross join this_build
    left join decided on held.organization_id = decided.organization_id
    where
        decided.organization_id is null
        or held.account_root <> decided.account_root
        or held.rule_id <> decided.rule_id
        or held.confidence <> decided.confidence

    union all
    {% endif %}

    select
        decided.organization_id,
        decided.account_root,
        decided.sfdc_account_id,
        decided.rule_id,
        decided.confidence,
        cast(this_build.number as bigint) as opened_in,
        {{ as_of() }} as valid_from,
        cast('{{ invocation_id }}' as varchar) as opened_by,
        cast(null as bigint) as closed_in,
        cast(null as timestamp) as valid_to,
        cast(null as varchar) as closed_by,
        decided.challenger_root,
        decided.challenger_rule_id,
        decided.challenger_since
    from decided
    cross join this_build
    {% if is_incremental() -%}
    left join held on decided.organization_id = held.organization_id
    where
        held.organization_id is null
        or held.account_root <> decided.account_root
        or held.rule_id <> decided.rule_id
        or held.confidence <> decided.confidence
    {%- endif %}

)

select * from final
