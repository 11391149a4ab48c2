with versions as (

    select * from {{ ref('icp_versions') }}
    where effective_from <= cast({{ as_of() }} as date)
    qualify row_number() over (
        partition by applies_to
        order by effective_from desc, icp_version desc
    ) = 1

),

scores as (

    select * from {{ ref('int_icp_scores') }}

),

reasons as (

    select
        account_key,
        icp_version,
        to_json(list(
            struct_pack(
                rule_id := rule_id,
                label := label,
                attribute := attribute,
                observed_value := observed_value,
                source := source,
                observed_at := strftime(observed_at, '%Y-%m-%dT%H:%M:%SZ'),
                points := points
            )
            order by abs(points) desc, rule_id
        )) as reasons
    from {{ ref('int_icp_reasons') }}
    group by account_key, icp_version

),

gates as (

    select
        account_key,
        icp_version,
        set_tier,
        label
    from {{ ref('int_icp_conditions_evaluated') }}
    where condition_type = 'gate'
        and holds
    qualify row_number() over (
        partition by account_key, icp_version
        order by condition_id
    ) = 1

),

overrides as (

    select
        account_identifiers.account_key,
        manual.tier,
        manual.reason
    from {{ ref('icp_manual_overrides') }} as manual
    inner join {{ ref('account_identifiers') }} as account_identifiers
        on manual.id_type = account_identifiers.id_type
        and manual.id_value = account_identifiers.id_value
    where manual.expires_on is null
        or manual.expires_on >= cast({{ as_of() }} as date)
    qualify row_number() over (
        partition by account_identifiers.account_key
        order by manual.expires_on desc nulls first, manual.override_id
    ) = 1

),

final as (

    select
        scores.account_key,
        scores.icp_version,
        scores.score,
        coalesce(gates.set_tier, overrides.tier, scores.score_tier) as tier,
        case
            when gates.set_tier is not null then 'gate'
            when overrides.tier is not null then 'override'
            when scores.score_tier = 'U' then 'coverage'
            else 'score'
        end as tier_cause,
        case
            when gates.set_tier is not null then gates.label
            when overrides.tier is not null then overrides.reason
            when scores.score_tier = 'U' then 'Too little is known'
        end as tier_note,
        scores.coverage,
        coalesce(reasons.reasons, cast('[]' as json)) as reasons,
        {{ as_of() }} as scored_as_of
    from scores
    inner join versions
        on scores.icp_version = versions.icp_version
    left join reasons
        on scores.account_key = reasons.account_key
        and scores.icp_version = reasons.icp_version
    left join gates
        on scores.account_key = gates.account_key
        and scores.icp_version = gates.icp_version
    left join overrides
        on scores.account_key = overrides.account_key

)

select * from final
