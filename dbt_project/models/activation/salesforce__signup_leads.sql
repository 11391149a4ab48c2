with signups as (

    select * from {{ ref('product_signups') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

qualifications as (

    select * from {{ ref('account_qualifications') }}

),

permissions as (

    select * from {{ ref('contact_permissions') }}

),

settings as (

    select
        max(value) filter (where setting = 'signup_lead_source') as signup_lead_source,
        max(value) filter (where setting = 'missing_name') as missing_name
    from {{ ref('activation_settings') }}

),

-- Whom sales deleted is not made a lead again.
external_signups as (

    select *
    from signups
    where not is_internal
        and not is_test
        and not is_deleted
        and not has_other_lead
        and not has_contact
        and not was_deleted_by_sales
        and signed_up_at < {{ as_of() }}

),

-- Lengths are those of the standard fields of Lead.
final as (

    select
        external_signups.user_id,
        external_signups.organization_id,
        case
            when external_signups.last_name is not null then left(external_signups.first_name, 40)
        end as first_name,
        left(
            coalesce(
                external_signups.last_name,
                external_signups.full_name,
                {{ email_local_part('external_signups.email') }},
                settings.missing_name
            ),
            80
        ) as last_name,
        external_signups.email,
        left(
            coalesce(
                external_signups.organization_name, accounts.account_name, settings.missing_name
            ),
            255
        ) as company,
        left(external_signups.title, 128) as title,
        left(external_signups.country, 80) as country,
        settings.signup_lead_source as lead_source,
        qualifications.icp_tier,
        qualifications.icp_score,
        qualifications.icp_reasons,
        coalesce(permissions.has_opted_out_of_email, false) as has_opted_out_of_email,
        not coalesce(permissions.may_be_contacted_by_sales, false) as do_not_call,
        coalesce(qualifications.is_pql and permissions.may_be_contacted_by_sales, false) as is_pql,
        case
            when permissions.may_be_contacted_by_sales then qualifications.pql_reasons
        end as pql_reasons
    from external_signups
    cross join settings
    left join accounts
        on external_signups.account_key = accounts.account_key
    left join qualifications
        on external_signups.account_key = qualifications.account_key
    left join permissions
        on external_signups.person_key = permissions.person_key

)

select * from final
