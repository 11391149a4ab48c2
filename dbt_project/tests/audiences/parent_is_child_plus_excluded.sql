-- On every edge: each workspace of the parent is a member of the child or in the exclusion log, never
-- both, and the child holds nothing that the parent does not.
{% set edges = [
    ('aud_base_workspaces', 'dim_workspaces'),
    ('aud_overage_self_serve', 'aud_base_workspaces'),
    ('aud_overage_no_sales', 'aud_overage_self_serve'),
    ('aud_overage_high_usage', 'aud_overage_no_sales'),
] %}

with reconciled as (

    {% for child, parent in edges %}
    select
        '{{ child }}' as audience,
        coalesce(parent.workspace_id, child.workspace_id, excluded.workspace_id) as workspace_id,
        parent.workspace_id is not null as is_in_parent,
        child.workspace_id is not null as is_in_child,
        excluded.workspace_id is not null as is_excluded
    from {{ ref(parent) }} as parent
    full outer join {{ ref(child) }} as child
        on parent.workspace_id = child.workspace_id
    full outer join (
        select distinct workspace_id
        from {{ ref('aud_exclusion_log') }}
        where audience = '{{ child }}'
    ) as excluded
        on coalesce(parent.workspace_id, child.workspace_id) = excluded.workspace_id
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select *
from reconciled
where not is_in_parent
    or is_in_child = is_excluded
