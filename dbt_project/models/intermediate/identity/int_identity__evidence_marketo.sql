with leads as (

    select * from {{ ref('stg_marketo__leads') }}

),

merges as (

    select * from {{ source('landing', 'merges') }}
    where source = 'marketo' and stream = 'leads'

),

final as (

    select
        'marketo_lead_id' as left_type,
        marketo_lead_id as left_value,
        'email' as right_type,
        email as right_value,
        'marketo_email' as rule_id,
        'marketo.leads/' || marketo_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where is_valid_email

    union all

    select
        'marketo_lead_id' as left_type,
        marketo_lead_id as left_value,
        'user_id' as right_type,
        product_user_id as right_value,
        'marketo_user' as rule_id,
        'marketo.leads/' || marketo_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where product_user_id is not null

    union all

    select
        'marketo_lead_id' as left_type,
        marketo_lead_id as left_value,
        'sfdc_lead_id' as right_type,
        sfdc_lead_id as right_value,
        'marketo_sync' as rule_id,
        'marketo.leads/' || marketo_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where sfdc_lead_id is not null

    union all

    select
        'marketo_lead_id' as left_type,
        marketo_lead_id as left_value,
        'sfdc_contact_id' as right_type,
        sfdc_contact_id as right_value,
        'marketo_sync' as rule_id,
        'marketo.leads/' || marketo_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where sfdc_contact_id is not null

    union all

    select
        'marketo_lead_id' as left_type,
        loser_key as left_value,
        'marketo_lead_id' as right_type,
        winner_key as right_value,
        'marketo_merged' as rule_id,
        'marketo.leads/' || loser_key as source_record,
        seen_at as first_seen_at,
        seen_at as last_seen_at
    from merges

)

select * from final
