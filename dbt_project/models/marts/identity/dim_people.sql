with person_identifiers as (

    select * from {{ ref('person_identifiers') }}

),

users as (

    select * from {{ ref('stg_product__users') }}

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

opt_outs as (

    select * from {{ ref('person_opt_outs') }}

),

salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

account_identifiers as (

    select * from {{ ref('account_identifiers') }}

),

lead_account_matches as (

    select * from {{ ref('lead_account_matches') }}

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

test_members as (

    select * from {{ ref('int_people__test_users') }}

),

settings as (

    select value as signup_lead_source
    from {{ ref('activation_settings') }}
    where setting = 'signup_lead_source'

),

people as (

    select
        person_key,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        bool_and(id_type = 'anonymous_id') as is_anonymous,
        {{ first_by('id_value', ['first_seen_at', 'id_value']) }}
        filter (where id_type = 'email') as first_email
    from person_identifiers
    group by person_key

),

person_users as (

    select
        person_identifiers.person_key,
        users.*
    from person_identifiers
    inner join users on person_identifiers.id_value = users.user_id
    where person_identifiers.id_type = 'user_id'

),

person_contacts as (

    select
        person_identifiers.person_key,
        contacts.*
    from person_identifiers
    inner join contacts on person_identifiers.id_value = contacts.sfdc_contact_id
    where person_identifiers.id_type = 'sfdc_contact_id' and not contacts.is_deleted
    qualify
        row_number() over (
            partition by person_identifiers.person_key
            order by contacts.created_at desc, contacts.sfdc_contact_id
        ) = 1

),

leads_with_maker as (

    select
        leads.*,
        coalesce(
            leads.plg_user_id is not null and leads.lead_source = settings.signup_lead_source, false
        ) as is_made_by_headwater
    from leads
    cross join settings

),

-- What Headwater wrote on a lead are its own words, a fallback for a missing name among them: they
-- must not come back as news and go on to other systems.
leads_in_words_of_others as (

    select
        * replace (
            case when not is_made_by_headwater then first_name end as first_name,
            case when not is_made_by_headwater then last_name end as last_name,
            case when not is_made_by_headwater then title end as title,
            case when not is_made_by_headwater then country end as country
        )
    from leads_with_maker

),

-- The lead that sales works with: one that is still open, the latest.
person_leads as (

    select
        person_identifiers.person_key,
        leads_in_words_of_others.*
    from person_identifiers
    inner join leads_in_words_of_others
        on person_identifiers.id_value = leads_in_words_of_others.sfdc_lead_id
    where person_identifiers.id_type = 'sfdc_lead_id' and not leads_in_words_of_others.is_deleted
    qualify
        row_number() over (
            partition by person_identifiers.person_key
            order by
                leads_in_words_of_others.is_converted,
                leads_in_words_of_others.created_at desc,
                leads_in_words_of_others.sfdc_lead_id
        ) = 1

),

-- The oldest live contact: the one that marketing knows, not a second one made since.
person_hubspot_contacts as (

    select
        person_identifiers.person_key,
        hubspot_contacts.*
    from person_identifiers
    inner join
        hubspot_contacts
        on person_identifiers.id_value = hubspot_contacts.hubspot_contact_id
    where
        person_identifiers.id_type = 'hubspot_contact_id'
        and not hubspot_contacts.is_deleted
    qualify
        row_number() over (
            partition by person_identifiers.person_key
            order by hubspot_contacts.created_at, hubspot_contacts.hubspot_contact_id
        ) = 1

),

-- The oldest live records of Marketo and Outreach. Their names and titles are copies of Salesforce's or
-- Headwater's own words: they say nothing here.
person_marketo_leads as (

    select
        person_identifiers.person_key,
        {{ first_by('marketo_leads.marketo_lead_id', ['marketo_leads.created_at', 'marketo_leads.marketo_lead_id']) }}
            as marketo_lead_id
    from person_identifiers
    inner join marketo_leads on person_identifiers.id_value = marketo_leads.marketo_lead_id
    where person_identifiers.id_type = 'marketo_lead_id' and not marketo_leads.is_deleted
    group by person_identifiers.person_key

),

person_outreach_prospects as (

    select
        person_identifiers.person_key,
        {{ first_by('outreach_prospects.outreach_prospect_id', ['outreach_prospects.created_at', 'outreach_prospects.outreach_prospect_id']) }}
            as outreach_prospect_id
    from person_identifiers
    inner join
        outreach_prospects
        on person_identifiers.id_value = outreach_prospects.outreach_prospect_id
    where
        person_identifiers.id_type = 'outreach_prospect_id'
        and not outreach_prospects.is_deleted
    group by person_identifiers.person_key

),

joined as (

    select
        people.person_key,
        people.is_anonymous,
        coalesce(
            case when person_users.is_valid_email then person_users.email end,
            case when person_contacts.is_valid_email then person_contacts.email end,
            case when person_leads.is_valid_email then person_leads.email end,
            case when person_hubspot_contacts.is_valid_email then person_hubspot_contacts.email end,
            people.first_email
        ) as primary_email,
        coalesce(
            case when person_users.is_valid_email then person_users.email_host end,
            case when person_contacts.is_valid_email then person_contacts.email_host end,
            case when person_leads.is_valid_email then person_leads.email_host end,
            case
                when person_hubspot_contacts.is_valid_email
                    then person_hubspot_contacts.email_host
            end,
            split_part(people.first_email, '@', 2)
        ) as primary_host,
        coalesce(
            person_contacts.first_name,
            person_leads.first_name,
            person_hubspot_contacts.first_name,
            nullif(regexp_extract(person_users.full_name, '^(.+)\s+\S+$', 1), ''),
            person_users.full_name
        ) as first_name,
        coalesce(
            person_contacts.last_name,
            person_leads.last_name,
            person_hubspot_contacts.last_name,
            nullif(regexp_extract(person_users.full_name, '\s(\S+)$', 1), '')
        ) as last_name,
        coalesce(
            person_users.full_name,
            nullif(
                concat_ws(
                    ' ',
                    coalesce(
                        person_contacts.first_name,
                        person_leads.first_name,
                        person_hubspot_contacts.first_name
                    ),
                    coalesce(
                        person_contacts.last_name,
                        person_leads.last_name,
                        person_hubspot_contacts.last_name
                    )
                ),
                ''
            )
        ) as full_name,
        coalesce(
            person_users.title,
            person_contacts.title,
            person_leads.title,
            person_hubspot_contacts.job_title
        ) as title,
        coalesce(person_users.country, person_leads.country) as country,
        person_users.user_id,
        person_leads.sfdc_lead_id,
        person_contacts.sfdc_contact_id,
        person_hubspot_contacts.hubspot_contact_id,
        case
            when person_hubspot_contacts.is_valid_email then person_hubspot_contacts.email
        end as hubspot_email,
        person_marketo_leads.marketo_lead_id,
        person_outreach_prospects.outreach_prospect_id,
        coalesce(
            user_matches.account_key, contact_accounts.account_key, lead_matches.account_key
        ) as account_key,
        coalesce(person_users.is_staff, false) as is_staff,
        coalesce(person_users.is_deleted, false) as is_user_deleted,
        test_members.user_id is not null as is_test,
        -- A user's own consent decides; somebody only known to a CRM is there by consent given to it.
        not coalesce(opt_outs.has_opted_out_of_email, false)
        and coalesce(
            person_users.marketing_consent, person_hubspot_contacts.hubspot_contact_id is not null
        ) as marketing_consent,
        not coalesce(opt_outs.has_opted_out_of_email, false)
        and not coalesce(opt_outs.do_not_call, false)
        and coalesce(
            person_users.sales_consent,
            coalesce(person_leads.sfdc_lead_id, person_contacts.sfdc_contact_id) is not null
        ) as sales_consent,
        people.first_seen_at,
        people.last_seen_at,
        person_users.created_at as signed_up_at
    from people
    left join opt_outs on people.person_key = opt_outs.person_key
    left join person_users on people.person_key = person_users.person_key
    left join person_contacts on people.person_key = person_contacts.person_key
    left join person_leads on people.person_key = person_leads.person_key
    left join
        person_hubspot_contacts
        on people.person_key = person_hubspot_contacts.person_key
    left join person_marketo_leads on people.person_key = person_marketo_leads.person_key
    left join
        person_outreach_prospects
        on people.person_key = person_outreach_prospects.person_key
    left join test_members on person_users.user_id = test_members.user_id
    left join
        lead_account_matches as user_matches
        on
            user_matches.subject_type = 'user'
            and person_users.user_id = user_matches.subject_id
    left join
        account_identifiers as contact_accounts
        on
            contact_accounts.id_type = 'sfdc_account_id'
            and person_contacts.sfdc_account_id = contact_accounts.id_value
    left join
        lead_account_matches as lead_matches
        on
            lead_matches.subject_type = 'sfdc_lead'
            and person_leads.sfdc_lead_id = lead_matches.subject_id

),

final as (

    select
        joined.person_key,
        joined.primary_email,
        host_domains.domain as email_domain,
        joined.first_name,
        joined.last_name,
        joined.full_name,
        joined.title,
        joined.country,
        joined.user_id,
        joined.sfdc_lead_id,
        joined.sfdc_contact_id,
        joined.hubspot_contact_id,
        joined.hubspot_email,
        joined.marketo_lead_id,
        joined.outreach_prospect_id,
        joined.account_key,
        joined.is_staff or coalesce(host_domains.domain_class = 'internal', false) as is_internal,
        joined.is_test,
        joined.is_anonymous,
        joined.is_user_deleted,
        joined.marketing_consent,
        joined.sales_consent,
        joined.first_seen_at,
        joined.last_seen_at,
        joined.signed_up_at
    from joined
    left join host_domains on joined.primary_host = host_domains.host

)

select * from final
