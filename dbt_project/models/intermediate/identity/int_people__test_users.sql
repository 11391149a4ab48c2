-- Users who are members of test workspaces and of no other.
with memberships as (

    select * from {{ ref('stg_product__memberships') }}

),

workspaces as (

    select * from {{ ref('stg_product__workspaces') }}

),

final as (

    select memberships.user_id
    from memberships
    inner join workspaces on memberships.workspace_id = workspaces.workspace_id
    group by memberships.user_id
    having bool_and(workspaces.is_test)

)

select * from final
