{{ config(materialized='table') }}

with definitions as (

    select * from {{ ref('pql_definitions') }}
    where effective_from <= cast({{ as_of() }} as date)
    qualify row_number() over (
        partition by pql_id
        order by effective_from desc, pql_version desc
    ) = 1

),

criteria as (

    select * from {{ ref('pql_criteria') }}

),

features as (

    select * from {{ ref('int_pql_features') }}

),

-- Accounts without a workspace are nobody's product-qualified accounts.
accounts as (

    select account_key
    from features
    where feature = 'has_self_serve_workspace'

),

evaluated as (

    select
        accounts.account_key,
        criteria.pql_id,
        criteria.pql_version,
        criteria.stage,
        criteria.any_group,
        criteria.criterion_id,
        criteria.sort_order,
        criteria.label,
        criteria.feature,
        criteria.operator,
        coalesce(criteria.value_list, criteria.value_1 || coalesce(' to ' || criteria.value_2, ''))
            as threshold,
        features.value_text as observed_value,
        features.detail,
        coalesce(
            features.summary,
            case
                when criteria.operator = 'gte'
                    then 'at least ' || criteria.value_1 || ' ' || criteria.label
            end,
            features.detail,
            criteria.label
        ) as summary,
        {{ condition_holds(
            'criteria.operator', 'features.value_text', 'features.value_number',
            'criteria.value_1', 'criteria.value_2', 'criteria.value_list'
        ) }} as holds,
        case
            when criteria.operator = 'gte' and len(features.since_by_value) > 1
                then features.since_by_value[cast(cast(criteria.value_1 as double) as integer)]
            else features.since_by_value[1]
        end as since
    from accounts
    cross join criteria
    inner join definitions
        on criteria.pql_id = definitions.pql_id
        and criteria.pql_version = definitions.pql_version
    left join features
        on accounts.account_key = features.account_key
        and criteria.feature = features.feature

),

final as (

    select
        *,
        coalesce(holds, false) as is_met,
        bool_or(coalesce(holds, false)) over (
            partition by account_key, pql_id, any_group, stage
        ) as is_group_met
    from evaluated

)

select * from final
