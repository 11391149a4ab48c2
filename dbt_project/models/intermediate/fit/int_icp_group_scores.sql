with evaluated as (

    select * from {{ ref('int_icp_conditions_evaluated') }}
    where condition_type = 'rule'

),

groups as (

    select * from {{ ref('icp_groups') }}

),

summed as (

    select
        account_key,
        icp_version,
        rule_group,
        bool_or(is_known) as is_known,
        coalesce(sum(points) filter (where holds), 0) as points_fired
    from evaluated
    group by account_key, icp_version, rule_group

),

final as (

    select
        summed.account_key,
        summed.icp_version,
        summed.rule_group,
        groups.cap,
        summed.is_known,
        summed.points_fired,
        greatest(-groups.cap, least(groups.cap, summed.points_fired)) as group_score
    from summed
    inner join groups
        on summed.icp_version = groups.icp_version
        and summed.rule_group = groups.rule_group

)

select * from final
