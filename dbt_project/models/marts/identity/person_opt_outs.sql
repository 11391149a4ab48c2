-- An opt-out binds wherever it was said, deleted records included. So do the flags of leads that
-- Headwater made: it writes them once, when it makes the lead, and sales may set them afterwards;
-- nothing tells the two apart. A refusal that somebody takes back in the product therefore holds
-- until sales clears the flag on the lead: a call too few is better than one that was refused.
with identifiers as (

    select * from {{ ref('person_identifiers') }}

),

leads as (

    select * from {{ ref('stg_salesforce__lead') }}

),

contacts as (

    select * from {{ ref('stg_salesforce__contact') }}

),

hubspot_contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

marketo_leads as (

    select * from {{ ref('stg_marketo__leads') }}

),

outreach_prospects as (

    select * from {{ ref('stg_outreach__prospects') }}

),

said as (

    select
        'sfdc_lead_id' as id_type,
        sfdc_lead_id as id_value,
        has_opted_out_of_email,
        do_not_call
    from leads

    union all

    select
        'sfdc_contact_id' as id_type,
        sfdc_contact_id as id_value,
        has_opted_out_of_email,
        do_not_call
    from contacts

    union all

    select
        'hubspot_contact_id' as id_type,
        hubspot_contact_id as id_value,
        is_unsubscribed as has_opted_out_of_email,
        false as do_not_call
    from hubspot_contacts

    union all

    select
        'marketo_lead_id' as id_type,
        marketo_lead_id as id_value,
        is_unsubscribed as has_opted_out_of_email,
        false as do_not_call
    from marketo_leads

    union all

    select
        'outreach_prospect_id' as id_type,
        outreach_prospect_id as id_value,
        is_opted_out or is_email_opted_out as has_opted_out_of_email,
        is_opted_out as do_not_call
    from outreach_prospects

),

-- One record that says no is a no of the person.
final as (

    select
        identifiers.person_key,
        bool_or(coalesce(said.has_opted_out_of_email, false)) as has_opted_out_of_email,
        bool_or(coalesce(said.do_not_call, false)) as do_not_call
    from said
    inner join
        identifiers
        on said.id_type = identifiers.id_type and said.id_value = identifiers.id_value
    group by identifiers.person_key
    having
        bool_or(coalesce(said.has_opted_out_of_email, false))
        or bool_or(coalesce(said.do_not_call, false))

)

select * from final
