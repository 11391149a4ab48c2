with criteria as (

    select * from {{ ref('int_pql_criteria_evaluated') }}

),

definitions as (

    select * from {{ ref('pql_definitions') }}

),

reasons as (

    select
        account_key,
        pql_id,
        pql_version,
        max(since) filter (where stage = 'enter' and is_met) as evidence_since,
        to_json(
            list(
                struct_pack(
                    criterion_id := criterion_id,
                    label := label,
                    feature := feature,
                    observed_value := observed_value,
                    operator := operator,
                    threshold := threshold,
                    detail := detail,
                    since := strftime(since, '%Y-%m-%dT%H:%M:%SZ')
                )
                order by sort_order, criterion_id
            ) filter (where stage = 'enter' and is_met)
        ) as reasons,
        string_agg(
            summary, '; ' order by sort_order, criterion_id
        ) filter (where stage = 'enter' and is_met and feature <> 'icp_tier') as evidence
    from criteria
    group by account_key, pql_id, pql_version
    having bool_and(is_group_met)

),

final as (

    select
        reasons.account_key,
        reasons.pql_id,
        reasons.pql_version,
        definitions.label as pql_label,
        definitions.precedence,
        reasons.evidence_since,
        reasons.reasons,
        coalesce(
            replace(definitions.headline, '{evidence}', reasons.evidence), definitions.label
        ) as headline
    from reasons
    inner join definitions
        on reasons.pql_id = definitions.pql_id
        and reasons.pql_version = definitions.pql_version

)

select * from final
