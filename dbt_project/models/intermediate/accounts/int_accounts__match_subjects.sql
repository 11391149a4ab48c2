-- Whoever is to be matched to an account: Salesforce leads and product users.
with leads as (

    select * from {{ ref('stg_salesforce__lead') }}

),

users as (

    select * from {{ ref('stg_product__users') }}

),

host_domains as (

    select * from {{ ref('int_host_domains') }}

),

person_identifiers as (

    select * from {{ ref('person_identifiers') }}

),

-- The organization on the lead of a product user was written by Headwater, out of what it had
-- matched: heard again it would confirm itself. The user's own memberships speak instead.
people_with_user as (

    select distinct person_key
    from person_identifiers
    where id_type = 'user_id'

),

subjects as (

    select
        'sfdc_lead' as subject_type,
        sfdc_lead_id as subject_id,
        'sfdc_lead_id' as id_type,
        case when is_valid_email then email_host end as email_host,
        website_host,
        company,
        country,
        converted_sfdc_account_id,
        plg_organization_id
    from leads

    union all

    select
        'user' as subject_type,
        user_id as subject_id,
        'user_id' as id_type,
        case when is_valid_email then email_host end as email_host,
        cast(null as varchar) as website_host,
        cast(null as varchar) as company,
        country,
        cast(null as varchar) as converted_sfdc_account_id,
        cast(null as varchar) as plg_organization_id
    from users

),

final as (

    select
        subjects.subject_type,
        subjects.subject_id,
        person_identifiers.person_key,
        email_domains.domain as email_domain,
        email_domains.domain_class as email_domain_class,
        website_domains.domain as website_domain,
        website_domains.domain_class as website_domain_class,
        subjects.company,
        subjects.country,
        subjects.converted_sfdc_account_id,
        case
            when people_with_user.person_key is null then subjects.plg_organization_id
        end as plg_organization_id
    from subjects
    left join
        person_identifiers
        on
            subjects.id_type = person_identifiers.id_type
            and subjects.subject_id = person_identifiers.id_value
    left join people_with_user on person_identifiers.person_key = people_with_user.person_key
    left join host_domains as email_domains on subjects.email_host = email_domains.host
    left join host_domains as website_domains on subjects.website_host = website_domains.host

)

select * from final
