with users as (

    select * from {{ ref('stg_product__users') }}

),

user_people as (

    select
        identifiers.id_value as user_id,
        people.* exclude (user_id)
    from {{ ref('person_identifiers') }} as identifiers
    inner join {{ ref('dim_people') }} as people
        on identifiers.person_key = people.person_key
    where identifiers.id_type = 'user_id'

),

matches as (

    select * from {{ ref('lead_account_matches') }}
    where subject_type = 'user'

),

-- Former memberships count too: the organization through which the user came in.
first_workspaces as (

    select
        memberships.user_id,
        workspaces.organization_id,
        workspaces.is_test
    from {{ ref('stg_product__memberships') }} as memberships
    inner join {{ ref('dim_workspaces') }} as workspaces
        on memberships.workspace_id = workspaces.workspace_id
    qualify row_number() over (
        partition by memberships.user_id
        order by
            workspaces.is_test,
            memberships.joined_at,
            cast(memberships.membership_id as bigint)
    ) = 1

),

organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

crm_leads as (

    select * from {{ ref('crm_leads') }}

),

people_leads as (

    select
        person_key,
        bool_or(not is_deleted and not (is_made_by_headwater and is_open)) as has_other_lead,
        bool_or(is_deleted and not is_merged_away) as was_deleted
    from crm_leads
    where person_key is not null
    group by person_key

),

people_contacts as (

    select
        identifiers.person_key,
        bool_or(not contacts.is_deleted) as has_live,
        bool_or(contacts.is_deleted and contacts.master_sfdc_contact_id is null) as was_deleted
    from {{ ref('stg_salesforce__contact') }} as contacts
    inner join {{ ref('person_identifiers') }} as identifiers
        on identifiers.id_type = 'sfdc_contact_id'
        and contacts.sfdc_contact_id = identifiers.id_value
    group by identifiers.person_key

),

-- By the user id on the lead, whether or not identity still joins the two.
own_leads as (

    select
        current_user_id as user_id,
        bool_or(is_deleted) as was_deleted,
        bool_or(not is_deleted) as has_live
    from crm_leads
    where current_user_id is not null
    group by current_user_id

),

final as (

    select
        users.user_id,
        user_people.person_key,
        matches.account_key,
        first_workspaces.organization_id,
        organizations.organization_name,
        users.email,
        user_people.first_name,
        user_people.last_name,
        users.full_name,
        coalesce(nullif(trim(users.title), ''), user_people.title) as title,
        coalesce(users.country, user_people.country) as country,
        users.created_at as signed_up_at,
        users.is_deleted,
        users.is_staff or coalesce(user_people.is_internal, false) as is_internal,
        coalesce(user_people.is_test, false) or coalesce(first_workspaces.is_test, false) as is_test,
        coalesce(people_leads.has_other_lead, false) as has_other_lead,
        coalesce(people_contacts.has_live, false) as has_contact,
        -- What sales threw away is not made again under the next address of the person.
        (
            coalesce(own_leads.was_deleted, false)
            or coalesce(people_leads.was_deleted, false)
            or coalesce(people_contacts.was_deleted, false)
        )
        and not coalesce(own_leads.has_live, false) as was_deleted_by_sales
    from users
    left join user_people
        on users.user_id = user_people.user_id
    left join matches
        on users.user_id = matches.subject_id
    left join first_workspaces
        on users.user_id = first_workspaces.user_id
    left join organizations
        on first_workspaces.organization_id = organizations.organization_id
    left join people_leads
        on user_people.person_key = people_leads.person_key
    left join people_contacts
        on user_people.person_key = people_contacts.person_key
    left join own_leads
        on users.user_id = own_leads.user_id

)

select * from final
