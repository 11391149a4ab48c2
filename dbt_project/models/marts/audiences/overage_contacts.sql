with high_usage as (

    select * from {{ ref('aud_overage_high_usage') }}

),

members as (

    select
        workspace_members.*,
        workspaces.created_by_user_id
    from {{ ref('workspace_members') }} as workspace_members
    inner join {{ ref('dim_workspaces') }} as workspaces
        on workspace_members.workspace_id = workspaces.workspace_id

),

permissions as (

    select * from {{ ref('contact_permissions') }}

),

-- Whom to speak to: an admin before other members, the creator first, then who is longest there.
candidates as (

    select
        members.workspace_id,
        members.person_key
    from members
    inner join permissions
        on members.person_key = permissions.person_key
    where permissions.may_be_contacted_by_sales
        and members.role in ('admin', 'organiser', 'member')
    qualify row_number() over (
        partition by members.workspace_id
        order by
            case members.role when 'admin' then 1 when 'organiser' then 2 else 3 end,
            coalesce(members.user_id = members.created_by_user_id, false) desc,
            members.joined_at,
            members.user_id
    ) = 1

),

final as (

    select
        high_usage.workspace_id,
        high_usage.account_key,
        candidates.person_key,
        case
            when candidates.person_key is null then 'No member agreed to be contacted by sales.'
        end as withheld_reason
    from high_usage
    left join candidates
        on high_usage.workspace_id = candidates.workspace_id

)

select * from final
