{%- set sources = ['product', 'mixpanel', 'salesforce', 'hubspot', 'marketo', 'outreach'] -%}

with identity_rules as (

    select * from {{ ref('identity_rules') }}

),

observed as (

    {% for source in sources %}
    select * from {{ ref('int_identity__evidence_' ~ source) }}
    {% if not loop.last %}
    union all by name
    {% endif %}
    {% endfor %}

),

addresses as (

    select
        left_value as email,
        first_seen_at,
        last_seen_at
    from observed
    where left_type = 'email'

    union all

    select
        right_value,
        first_seen_at,
        last_seen_at
    from observed
    where right_type = 'email'

),

plus_tags as (

    select
        'email' as left_type,
        email as left_value,
        'email' as right_type,
        {{ email_without_tag('email') }} as right_value,
        'plus_tag' as rule_id,
        'address/' || md5(email) as source_record,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from addresses
    where email <> {{ email_without_tag('email') }}
    group by email

),

evidence as (

    select * from observed

    union all by name

    select * from plus_tags

),

final as (

    select
        evidence.left_type,
        evidence.left_value,
        evidence.right_type,
        evidence.right_value,
        evidence.rule_id,
        identity_rules.strength,
        evidence.source_record,
        evidence.first_seen_at,
        evidence.last_seen_at
    from evidence
    inner join identity_rules on evidence.rule_id = identity_rules.rule_id

)

select * from final
