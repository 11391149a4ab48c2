with group_scores as (

    select * from {{ ref('int_icp_group_scores') }}

),

versions as (

    select * from {{ ref('icp_versions') }}

),

tiers as (

    select * from {{ ref('icp_tiers') }}

),

summed as (

    select
        account_key,
        icp_version,
        sum(group_score) as total_points,
        sum(cap) as all_caps,
        coalesce(sum(cap) filter (where is_known), 0) as known_caps
    from group_scores
    group by account_key, icp_version

),

scaled as (

    select
        summed.*,
        versions.min_coverage,
        case versions.missing_policy when 'zero' then all_caps else known_caps end as scale_points
    from summed
    inner join versions
        on summed.icp_version = versions.icp_version

),

-- Points are exact decimals up to here, so that the order of rules and rows cannot show in a digit.
scored as (

    select
        account_key,
        icp_version,
        total_points,
        scale_points,
        cast(known_caps as double) / cast(all_caps as double) as coverage,
        known_caps < min_coverage * all_caps as is_below_min_coverage,
        case
            when scale_points > 0
                then 100 * cast(greatest(0, total_points) as double) / cast(scale_points as double)
        end as score
    from scaled

),

final as (

    select
        scored.*,
        case
            when scored.is_below_min_coverage or scored.score is null then 'U'
            else (
                select max_by(tiers.tier, tiers.min_score)
                from tiers
                where tiers.icp_version = scored.icp_version
                    and tiers.min_score <= scored.score
            )
        end as score_tier
    from scored

)

select * from final
