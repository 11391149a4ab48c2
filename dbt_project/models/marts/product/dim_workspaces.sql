with workspaces as (

    select * from {{ ref('stg_product__workspaces') }}

),

organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

subscriptions as (

    select * from {{ ref('int_accounts__current_subscriptions') }}

),

plans as (

    select *
    from {{ ref('stg_product__plans') }}
    where not is_deleted

),

account_identifiers as (

    select * from {{ ref('account_identifiers') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

users as (

    select * from {{ ref('stg_product__users') }}

),

final as (

    select
        workspaces.workspace_id,
        workspaces.organization_id,
        account_identifiers.account_key,
        workspaces.workspace_name,
        workspaces.motion,
        subscriptions.plan_code,
        plans.tier_rank,
        subscriptions.mrr_cents,
        workspaces.created_by_user_id,
        workspaces.created_at,
        workspaces.is_test,
        coalesce(accounts.is_internal, false) or coalesce(users.is_staff, false) as is_internal,
        workspaces.is_deleted or coalesce(organizations.is_deleted, false) as is_deleted
    from workspaces
    left join organizations on workspaces.organization_id = organizations.organization_id
    left join subscriptions on workspaces.workspace_id = subscriptions.workspace_id
    left join plans on subscriptions.plan_code = plans.plan_code
    left join
        account_identifiers
        on
            account_identifiers.id_type = 'workspace_id'
            and workspaces.workspace_id = account_identifiers.id_value
    left join accounts on account_identifiers.account_key = accounts.account_key
    left join users on workspaces.created_by_user_id = users.user_id

)

select * from final
