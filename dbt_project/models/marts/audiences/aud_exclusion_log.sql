{%- set predicates_by_audience = [
    ('aud_base_workspaces', none, ['not_internal', 'not_test', 'not_deleted']),
    ('aud_overage_self_serve', 'aud_base_workspaces', ['self_serve', 'in_overage', 'no_extension']),
    ('aud_overage_no_sales', 'aud_overage_self_serve',
        ['no_active_opportunity', 'not_excluded', 'admin_consents']),
    ('aud_overage_high_usage', 'aud_overage_no_sales', ['high_usage', 'good_fit']),
] -%}

with excluded as (

    {%- for audience, parent, predicates in predicates_by_audience %}
    {%- set first_level = loop.first %}
    {%- for predicate in predicates %}
    {%- if not (first_level and loop.first) %}

    union all
    {%- endif %}

    select
        '{{ audience }}' as audience,
        '{{ parent or "dim_workspaces" }}' as parent_audience,
        workspace_id,
        '{{ predicate }}' as predicate,
        observed_{{ predicate }} as observed_value
    from {{ ref(parent or 'int_audience_predicates') }}
    where not p_{{ predicate }}
    {%- endfor %}
    {%- endfor %}

),

labels as (

    select * from {{ ref('audiences') }}

),

final as (

    select
        excluded.audience,
        excluded.parent_audience,
        excluded.workspace_id,
        excluded.predicate,
        labels.label as predicate_label,
        excluded.observed_value
    from excluded
    left join labels
        on excluded.audience = labels.audience
        and excluded.predicate = labels.predicate

)

select * from final
