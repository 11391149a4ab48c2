with exclusions as (

    select * from {{ ref('int_exclusions_cleaned') }}
    where is_in_force

),

workspaces as (

    select * from {{ ref('dim_workspaces') }}

),

account_identifiers as (

    select * from {{ ref('account_identifiers') }}

),

sfdc_accounts as (

    select
        id_value,
        account_key
    from account_identifiers
    where id_type = 'sfdc_account_id'

),

-- Eighteen characters are the same id in any case; fifteen are, only if no other id differs by case.
sfdc_accounts_by_short_id as (

    select
        lower(left(id_value, 15)) as short_id,
        min(id_value) as id_value,
        min(account_key) as account_key,
        count(*) as candidates
    from sfdc_accounts
    group by lower(left(id_value, 15))

),

by_workspace as (

    select
        exclusions.row_number,
        workspaces.workspace_id
    from exclusions
    inner join workspaces
        on exclusions.key_value = workspaces.workspace_id
    where exclusions.key_type = 'workspace_id'

),

by_salesforce_account as (

    select
        exclusions.row_number,
        coalesce(exact.account_key, any_case.account_key, short_exact.account_key, short.account_key)
            as account_key
    from exclusions
    left join sfdc_accounts as exact
        on exclusions.key_value = exact.id_value
    left join sfdc_accounts as any_case
        on length(exclusions.key_value) = 18
        and lower(exclusions.key_value) = lower(any_case.id_value)
    left join sfdc_accounts as short_exact
        on length(exclusions.key_value) = 15
        and exclusions.key_value = left(short_exact.id_value, 15)
    left join sfdc_accounts_by_short_id as short
        on length(exclusions.key_value) = 15
        and lower(exclusions.key_value) = short.short_id
        and short.candidates = 1
    where exclusions.key_type = 'sfdc_account_id'

),

by_domain as (

    select
        exclusions.row_number,
        account_identifiers.account_key
    from exclusions
    inner join account_identifiers
        on account_identifiers.id_type = 'domain'
        and account_identifiers.id_value = exclusions.key_value
    where exclusions.key_type = 'domain'

),

by_account as (

    select * from by_salesforce_account

    union all

    select * from by_domain

),

final as (

    select
        row_number,
        workspace_id
    from by_workspace

    union

    select
        by_account.row_number,
        workspaces.workspace_id
    from by_account
    inner join workspaces
        on by_account.account_key = workspaces.account_key

)

select * from final
