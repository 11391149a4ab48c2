with audience as (

    select * from {{ ref('aud_overage_no_sales') }}

),

members as (

    select * from {{ ref('workspace_members') }}
    where role = 'admin'

),

people as (

    select * from {{ ref('dim_people') }}

),

permissions as (

    select * from {{ ref('contact_permissions') }}
    where may_receive_marketing

),

settings as (

    select value as campaign
    from {{ ref('activation_settings') }}
    where setting = 'overage_campaign'

),

-- Who looks after several workspaces hears of the one that is furthest over.
people_with_workspace as (

    select
        people.person_key,
        -- HubSpot finds a contact by its address: under another one it would make a second contact.
        coalesce(people.hubspot_email, people.primary_email) as email,
        people.first_name,
        people.last_name,
        audience.workspace_id,
        audience.workspace_name,
        audience.meter,
        audience.used_share
    from audience
    inner join members
        on audience.workspace_id = members.workspace_id
    inner join permissions
        on members.person_key = permissions.person_key
    inner join people
        on members.person_key = people.person_key
    qualify row_number() over (
        partition by people.person_key
        order by audience.used_share desc nulls first, audience.workspace_id, members.user_id
    ) = 1

),

final as (

    select
        people_with_workspace.email,
        people_with_workspace.first_name,
        people_with_workspace.last_name,
        settings.campaign,
        people_with_workspace.workspace_id,
        people_with_workspace.workspace_name,
        people_with_workspace.meter,
        round(people_with_workspace.used_share, 2) as used_share
    from people_with_workspace
    cross join settings
    qualify row_number() over (
        partition by people_with_workspace.email
        order by
            people_with_workspace.used_share desc nulls first,
            people_with_workspace.workspace_id,
            people_with_workspace.person_key
    ) = 1

)

select * from final
