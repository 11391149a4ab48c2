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
final as (

    select
        people.primary_email as email,
        people.first_name,
        people.last_name,
        settings.campaign,
        audience.workspace_id,
        audience.workspace_name,
        audience.meter,
        round(audience.used_share, 2) as used_share
    from audience
    inner join members
        on audience.workspace_id = members.workspace_id
    inner join permissions
        on members.person_key = permissions.person_key
    inner join people
        on members.person_key = people.person_key
    cross join settings
    qualify row_number() over (
        partition by people.primary_email
        order by audience.used_share desc nulls last, audience.workspace_id, people.person_key
    ) = 1

)

select * from final
