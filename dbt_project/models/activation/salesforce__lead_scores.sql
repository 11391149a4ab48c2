with leads as (

    select * from {{ ref('crm_leads') }}
    where is_open

),

signups as (

    select * from {{ ref('product_signups') }}

),

qualifications as (

    select * from {{ ref('account_qualifications') }}

),

permissions as (

    select * from {{ ref('contact_permissions') }}

),

-- Qualified is a call to act: never on somebody whom sales may not contact.
joined as (

    select
        leads.sfdc_lead_id,
        leads.user_id,
        case when leads.user_id is not null then signups.organization_id end as organization_id,
        qualifications.icp_tier,
        qualifications.icp_score,
        qualifications.icp_reasons,
        coalesce(qualifications.is_pql and permissions.may_be_contacted_by_sales, false) as is_pql,
        qualifications.pql_reasons,
        leads.current_user_id,
        leads.current_organization_id,
        leads.current_icp_tier,
        leads.current_icp_score,
        leads.current_icp_reasons,
        leads.current_is_pql,
        leads.current_pql_reasons
    from leads
    left join signups
        on leads.user_id = signups.user_id
    left join qualifications
        on leads.account_key = qualifications.account_key
    left join permissions
        on leads.person_key = permissions.person_key
    where leads.user_id is not null
        or qualifications.icp_tier is not null

),

final as (

    select * replace (case when is_pql then pql_reasons end as pql_reasons)
    from joined

)

select * from final
