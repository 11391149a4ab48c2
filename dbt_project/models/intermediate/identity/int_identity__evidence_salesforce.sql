with leads as (

    select * from {{ ref('stg_salesforce__lead') }}

),

contacts as (

    select * from {{ ref('stg_salesforce__contact') }}

),

final as (

    select
        'sfdc_lead_id' as left_type,
        sfdc_lead_id as left_value,
        'email' as right_type,
        email as right_value,
        'lead_email' as rule_id,
        'salesforce.lead/' || sfdc_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where is_valid_email

    union all

    select
        'sfdc_lead_id' as left_type,
        sfdc_lead_id as left_value,
        'user_id' as right_type,
        plg_user_id as right_value,
        'lead_user' as rule_id,
        'salesforce.lead/' || sfdc_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where plg_user_id is not null

    union all

    select
        'sfdc_lead_id' as left_type,
        sfdc_lead_id as left_value,
        'sfdc_contact_id' as right_type,
        converted_sfdc_contact_id as right_value,
        'lead_converted' as rule_id,
        'salesforce.lead/' || sfdc_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where converted_sfdc_contact_id is not null

    union all

    select
        'sfdc_lead_id' as left_type,
        sfdc_lead_id as left_value,
        'sfdc_lead_id' as right_type,
        master_sfdc_lead_id as right_value,
        'lead_merged' as rule_id,
        'salesforce.lead/' || sfdc_lead_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from leads
    where master_sfdc_lead_id is not null

    union all

    select
        'sfdc_contact_id' as left_type,
        sfdc_contact_id as left_value,
        'email' as right_type,
        email as right_value,
        'contact_email' as rule_id,
        'salesforce.contact/' || sfdc_contact_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from contacts
    where is_valid_email

    union all

    select
        'sfdc_contact_id' as left_type,
        sfdc_contact_id as left_value,
        'user_id' as right_type,
        plg_user_id as right_value,
        'contact_user' as rule_id,
        'salesforce.contact/' || sfdc_contact_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from contacts
    where plg_user_id is not null

    union all

    select
        'sfdc_contact_id' as left_type,
        sfdc_contact_id as left_value,
        'sfdc_contact_id' as right_type,
        master_sfdc_contact_id as right_value,
        'contact_merged' as rule_id,
        'salesforce.contact/' || sfdc_contact_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from contacts
    where master_sfdc_contact_id is not null

)

select * from final
