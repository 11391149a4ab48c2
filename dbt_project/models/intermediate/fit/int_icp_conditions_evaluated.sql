{{ config(materialized='table') }}

with accounts as (

    select * from {{ ref('dim_accounts') }}

),

attributes as (

    select * from {{ ref('int_account_attributes') }}

),

versions as (

    select * from {{ ref('icp_versions') }}
    where effective_from <= cast({{ as_of() }} as date)

),

conditions as (

    select
        icp_version,
        'rule' as condition_type,
        rule_id as condition_id,
        rule_group,
        attribute,
        operator,
        value_1,
        value_2,
        value_list,
        points,
        cast(null as varchar) as set_tier,
        label
    from {{ ref('icp_rules') }}

    union all

    select
        icp_version,
        'gate' as condition_type,
        gate_id as condition_id,
        null as rule_group,
        attribute,
        operator,
        value_1,
        value_2,
        value_list,
        0 as points,
        set_tier,
        label
    from {{ ref('icp_gates') }}

),

final as (

    select
        accounts.account_key,
        conditions.icp_version,
        conditions.condition_type,
        conditions.condition_id,
        conditions.rule_group,
        conditions.attribute,
        conditions.points,
        conditions.set_tier,
        conditions.label,
        attributes.value_text,
        attributes.source,
        attributes.observed_at,
        coalesce(attributes.is_shown, false) as is_shown,
        attributes.value_text is not null as is_known,
        {{ condition_holds(
            'conditions.operator', 'attributes.value_text', 'attributes.value_number',
            'conditions.value_1', 'conditions.value_2', 'conditions.value_list'
        ) }} as holds
    from accounts
    inner join versions
        on accounts.record_type = versions.applies_to
    inner join conditions
        on versions.icp_version = conditions.icp_version
    left join attributes
        on accounts.account_key = attributes.account_key
        and conditions.attribute = attributes.attribute

)

select * from final
