with evaluated as (

    select * from {{ ref('int_icp_conditions_evaluated') }}
    where condition_type = 'rule'
        and holds

),

group_scores as (

    select * from {{ ref('int_icp_group_scores') }}

),

scores as (

    select * from {{ ref('int_icp_scores') }}
    where scale_points > 0

),

-- A capped group passes its cap on to its rules in proportion, so that reasons sum to the score.
contributions as (

    select
        evaluated.account_key,
        evaluated.icp_version,
        evaluated.condition_id as rule_id,
        evaluated.label,
        evaluated.attribute,
        evaluated.value_text as observed_value,
        evaluated.source,
        evaluated.observed_at,
        evaluated.is_shown,
        100 * cast(evaluated.points as double)
        * case
            when group_scores.points_fired = 0 then 1
            else cast(group_scores.group_score as double) / cast(group_scores.points_fired as double)
        end
        / cast(scores.scale_points as double) as points
    from evaluated
    inner join group_scores
        on evaluated.account_key = group_scores.account_key
        and evaluated.icp_version = group_scores.icp_version
        and evaluated.rule_group = group_scores.rule_group
    inner join scores
        on evaluated.account_key = scores.account_key
        and evaluated.icp_version = scores.icp_version

),

-- A score does not go below 0; what that gives back is a reason too, or the sum would not hold.
floors as (

    select
        account_key,
        icp_version,
        'floor' as rule_id,
        'A score does not go below 0' as label,
        cast(null as varchar) as attribute,
        cast(null as varchar) as observed_value,
        cast(null as varchar) as source,
        cast(null as timestamp) as observed_at,
        false as is_shown,
        100 * -cast(total_points as double) / cast(scale_points as double) as points
    from scores
    where total_points < 0

),

final as (

    select * from contributions

    union all

    select * from floors

)

select * from final
