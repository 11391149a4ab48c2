with people as (

    select * from {{ ref('dim_people') }}

),

identifiers as (

    select * from {{ ref('person_identifiers') }}

),

opt_outs as (

    select
        'hubspot_contact_id' as id_type,
        hubspot_contact_id as id_value,
        is_unsubscribed as has_opted_out_of_email,
        false as do_not_call
    from {{ ref('stg_hubspot__contacts') }}

    union all

    select
        'sfdc_lead_id' as id_type,
        sfdc_lead_id as id_value,
        has_opted_out_of_email,
        do_not_call
    from {{ ref('stg_salesforce__lead') }}

    union all

    select
        'sfdc_contact_id' as id_type,
        sfdc_contact_id as id_value,
        has_opted_out_of_email,
        false as do_not_call
    from {{ ref('stg_salesforce__contact') }}

),

-- An opt-out binds wherever it was said, deleted records included. So do the flags of leads that
-- Headwater made: it writes them once, when it makes the lead, and sales may set them afterwards;
-- nothing tells the two apart. A refusal that somebody takes back in the product therefore holds
-- until sales clears the flag on the lead: a call too few is better than one that was refused.
people_opt_outs as (

    select
        identifiers.person_key,
        bool_or(opt_outs.has_opted_out_of_email) as has_opted_out_of_email,
        bool_or(opt_outs.do_not_call) as do_not_call
    from opt_outs
    inner join identifiers
        on opt_outs.id_type = identifiers.id_type
        and opt_outs.id_value = identifiers.id_value
    group by identifiers.person_key

),

final as (

    select
        people.person_key,
        coalesce(people.marketing_consent, false) as marketing_consent,
        coalesce(people.sales_consent, false) as sales_consent,
        coalesce(people_opt_outs.has_opted_out_of_email, false) as has_opted_out_of_email,
        coalesce(people_opt_outs.do_not_call, false) as do_not_call,
        (
            coalesce(people.marketing_consent, false)
            and not coalesce(people_opt_outs.has_opted_out_of_email, false)
            and not coalesce(people.is_internal, false)
            and not coalesce(people.is_test, false)
            and not coalesce(people.is_user_deleted, false)
            and people.primary_email is not null
        ) as may_receive_marketing,
        (
            coalesce(people.sales_consent, false)
            and not coalesce(people_opt_outs.has_opted_out_of_email, false)
            and not coalesce(people_opt_outs.do_not_call, false)
            and not coalesce(people.is_internal, false)
            and not coalesce(people.is_test, false)
            and not coalesce(people.is_user_deleted, false)
            and people.primary_email is not null
        ) as may_be_contacted_by_sales
    from people
    left join people_opt_outs
        on people.person_key = people_opt_outs.person_key

)

select * from final
