select
    scores.account_key,
    scores.icp_version,
    scores.score,
    coalesce(sum(reasons.points), 0) as points
from {{ ref('int_icp_scores') }} as scores
left join {{ ref('int_icp_reasons') }} as reasons
    on scores.account_key = reasons.account_key
    and scores.icp_version = reasons.icp_version
where scores.score is not null
group by scores.account_key, scores.icp_version, scores.score
having abs(scores.score - coalesce(sum(reasons.points), 0)) > 1e-9
