-- The predicates in the log are those that the seed gives to the audience.
select distinct
    excluded.audience,
    excluded.predicate
from {{ ref('aud_exclusion_log') }} as excluded
left join {{ ref('audiences') }} as audiences
    on excluded.audience = audiences.audience
    and excluded.parent_audience = audiences.parent_audience
    and excluded.predicate = audiences.predicate
where audiences.predicate is null
