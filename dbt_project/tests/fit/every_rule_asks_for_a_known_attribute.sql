-- A rule or gate on an attribute that no source gives, or in a group without a cap, would stay silent.
select
    conditions.icp_version,
    conditions.condition_id
from (
    select icp_version, rule_id as condition_id, attribute, rule_group from {{ ref('icp_rules') }}
    union all
    select icp_version, gate_id as condition_id, attribute, null as rule_group from {{ ref('icp_gates') }}
) as conditions
left join {{ ref('icp_groups') }} as icp_groups
    on conditions.icp_version = icp_groups.icp_version
    and conditions.rule_group = icp_groups.rule_group
where conditions.attribute not in (
    select sources.attribute from {{ ref('icp_attribute_sources') }} as sources
)
    or (conditions.rule_group is not null and icp_groups.rule_group is null)
