{%- set legal_forms = alternatives(ref('legal_forms'), 'legal_form') -%}

with subjects as (

    select * from {{ ref('int_accounts__match_subjects') }}

),

salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

organization_map as (

    select *
    from {{ ref('int_accounts__organization_map') }}
    where place = 1

),

domain_roots as (

    select * from {{ ref('int_accounts__domain_roots') }}

),

memberships as (

    select * from {{ ref('stg_product__memberships') }}

),

workspaces as (

    select * from {{ ref('stg_product__workspaces') }}

),

contacts as (

    select * from {{ ref('stg_salesforce__contact') }}

),

person_identifiers as (

    select * from {{ ref('person_identifiers') }}

),

manual_account_matches as (

    select * from {{ ref('manual_account_matches') }}

),

company_stop_names as (

    select * from {{ ref('company_stop_names') }}

),

account_rules as (

    select *
    from {{ ref('account_rules') }}
    where subject = 'match'

),

account_settings as (

    select * from {{ ref('account_settings') }}

),

name_limit as (

    select value as min_length
    from account_settings
    where setting = 'name_min_length'

),

manual as (

    select
        manual_account_matches.subject_type,
        manual_account_matches.subject_id,
        {{ identity_node("'sfdc_account_id'", 'salesforce_accounts.live_sfdc_account_id') }}
            as account_root,
        'manual' as rule_id,
        'entered by ' || coalesce(manual_account_matches.owner, 'somebody') as explanation,
        cast(null as timestamp) as tie_break_at
    from manual_account_matches
    inner join
        salesforce_accounts
        on
            {{ salesforce_id('manual_account_matches.sfdc_account_id') }}
            = salesforce_accounts.sfdc_account_id
    where
        salesforce_accounts.live_sfdc_account_id is not null
        and (
            manual_account_matches.expires_on is null
            or manual_account_matches.expires_on >= cast({{ as_of() }} as date)
        )

),

converted as (

    select
        subjects.subject_type,
        subjects.subject_id,
        {{ identity_node("'sfdc_account_id'", 'salesforce_accounts.live_sfdc_account_id') }}
            as account_root,
        'same_record' as rule_id,
        'the lead was converted into this account' as explanation,
        cast(null as timestamp) as tie_break_at
    from subjects
    inner join
        salesforce_accounts
        on subjects.converted_sfdc_account_id = salesforce_accounts.sfdc_account_id
    where salesforce_accounts.live_sfdc_account_id is not null

),

same_person as (

    select
        subjects.subject_type,
        subjects.subject_id,
        {{ identity_node("'sfdc_account_id'", 'salesforce_accounts.live_sfdc_account_id') }}
            as account_root,
        'same_record' as rule_id,
        'the same person is contact ' || contacts.sfdc_contact_id as explanation,
        contacts.created_at as tie_break_at
    from subjects
    inner join
        person_identifiers
        on
            subjects.person_key = person_identifiers.person_key
            and person_identifiers.id_type = 'sfdc_contact_id'
    inner join contacts on person_identifiers.id_value = contacts.sfdc_contact_id
    inner join
        salesforce_accounts
        on contacts.sfdc_account_id = salesforce_accounts.sfdc_account_id
    where not contacts.is_deleted and salesforce_accounts.live_sfdc_account_id is not null

),

-- Where each person works in the product; leads of the same person inherit it.
work_places as (

    select
        subjects.person_key,
        subjects.subject_id as user_id,
        organization_map.organization_id,
        organization_map.account_root,
        organization_map.rule_id as organization_rule_id,
        memberships.invited_by_user_id,
        memberships.joined_at
    from subjects
    inner join memberships on subjects.subject_id = memberships.user_id
    inner join workspaces on memberships.workspace_id = workspaces.workspace_id
    inner join organization_map on workspaces.organization_id = organization_map.organization_id
    where subjects.subject_type = 'user'

),

subjects_at_work as (

    select
        subjects.subject_type,
        subjects.subject_id,
        work_places.*
    from subjects
    inner join work_places on subjects.subject_id = work_places.user_id
    where subjects.subject_type = 'user'

    union all

    select
        subjects.subject_type,
        subjects.subject_id,
        work_places.*
    from subjects
    inner join work_places on subjects.person_key = work_places.person_key
    where subjects.subject_type = 'sfdc_lead'

),

worked as (

    select
        subject_type,
        subject_id,
        account_root,
        case when invited_by_user_id is null then 'org_map' else 'inviter' end as rule_id,
        case
            when invited_by_user_id is null
                then 'works in organization '
            else 'was invited by user ' || invited_by_user_id || ' into organization '
        end
        || organization_id
        || ' (' || organization_rule_id || ')' as explanation,
        joined_at as tie_break_at
    from subjects_at_work

),

named_organization as (

    select
        subjects.subject_type,
        subjects.subject_id,
        organization_map.account_root,
        'org_map' as rule_id,
        'the lead names organization ' || organization_map.organization_id as explanation,
        cast(null as timestamp) as tie_break_at
    from subjects
    inner join
        organization_map
        on subjects.plg_organization_id = organization_map.organization_id

),

by_email_domain as (

    select
        subjects.subject_type,
        subjects.subject_id,
        coalesce(
            domain_roots.account_root, {{ identity_node("'domain'", 'subjects.email_domain') }}
        ) as account_root,
        case
            when
                domain_roots.account_root is null
                or domain_roots.account_root
                = {{ identity_node("'domain'", 'subjects.email_domain') }}
                then 'own_domain'
            when
                domain_roots.rule_id in ('website', 'verified_domain', 'enrichment_homepage')
                then 'email_domain_website'
            else 'email_domain_alias'
        end as rule_id,
        'the address is at ' || subjects.email_domain
        || coalesce(' (' || domain_roots.rule_id || ')', '') as explanation,
        cast(null as timestamp) as tie_break_at
    from subjects
    left join domain_roots on subjects.email_domain = domain_roots.domain
    where subjects.email_domain_class in ('corporate', 'government')

),

by_website as (

    select
        subjects.subject_type,
        subjects.subject_id,
        domain_roots.account_root,
        'lead_website' as rule_id,
        'the website is ' || subjects.website_domain as explanation,
        cast(null as timestamp) as tie_break_at
    from subjects
    inner join domain_roots on subjects.website_domain = domain_roots.domain
    where subjects.website_domain_class in ('corporate', 'government')

),

-- Each name once: several regular expressions each.
typed_names as (

    select account_name as typed_name
    from salesforce_accounts
    where is_live

    union

    select company
    from subjects

),

comparable_names as (

    select
        typed_names.typed_name,
        {{ comparable_company_name('typed_names.typed_name', legal_forms) }} as company_name
    from typed_names
    where typed_names.typed_name is not null

),

account_names as (

    select
        salesforce_accounts.sfdc_account_id,
        lower(trim(salesforce_accounts.country)) as country,
        comparable_names.company_name
    from salesforce_accounts
    inner join comparable_names on salesforce_accounts.account_name = comparable_names.typed_name
    where salesforce_accounts.is_live

),

lead_names as (

    select
        subjects.subject_type,
        subjects.subject_id,
        lower(trim(subjects.country)) as country,
        comparable_names.company_name
    from subjects
    inner join comparable_names on subjects.company = comparable_names.typed_name

),

by_name as (

    select
        lead_names.subject_type,
        lead_names.subject_id,
        {{ identity_node("'sfdc_account_id'", 'account_names.sfdc_account_id') }} as account_root,
        'name_exact_support' as rule_id,
        'the company is called ' || lead_names.company_name || ' and is in the same country'
            as explanation,
        cast(null as timestamp) as tie_break_at
    from lead_names
    inner join
        account_names
        on
            lead_names.company_name = account_names.company_name
            and lead_names.country = account_names.country
    cross join name_limit
    left join company_stop_names on lead_names.company_name = company_stop_names.name
    where
        length(lead_names.company_name) >= name_limit.min_length
        and company_stop_names.name is null

),

candidates as (

    select * from manual
    union all
    select * from converted
    union all
    select * from same_person
    union all
    select * from worked
    union all
    select * from named_organization
    union all
    select * from by_email_domain
    union all
    select * from by_website
    union all
    select * from by_name

),

final as (

    select
        candidates.subject_type,
        candidates.subject_id,
        candidates.account_root,
        candidates.rule_id,
        account_rules.priority,
        account_rules.confidence,
        {{ first_by('candidates.explanation', ['candidates.tie_break_at', 'candidates.explanation']) }}
            as explanation,
        min(candidates.tie_break_at) as tie_break_at
    from candidates
    inner join account_rules on candidates.rule_id = account_rules.rule_id
    group by
        candidates.subject_type,
        candidates.subject_id,
        candidates.account_root,
        candidates.rule_id,
        account_rules.priority,
        account_rules.confidence

)

select * from final
