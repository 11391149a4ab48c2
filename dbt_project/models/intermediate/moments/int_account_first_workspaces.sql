with workspaces as (

    select * from {{ ref('dim_workspaces') }}

),

-- Deleted workspaces count: the account did begin there.
final as (

    select
        account_key,
        workspace_id as first_workspace_id,
        created_at as first_workspace_created_at
    from workspaces
    where account_key is not null
        and not is_test
        and not is_internal
        and created_at < {{ as_of() }}
    qualify row_number() over (
        partition by account_key
        order by created_at, workspace_id
    ) = 1

)

select * from final
