with matches as (

    select * from {{ ref('int_accounts__matches') }}

),

account_identifiers as (

    select * from {{ ref('account_identifiers') }}

),

account_roots as (

    select distinct
        account_root,
        account_key
    from account_identifiers

),

final as (

    select
        matches.subject_type,
        matches.subject_id,
        account_roots.account_key,
        case
            when starts_with(matches.account_root, 'sfdc_account_id:')
                then split_part(matches.account_root, ':', 2)
        end as sfdc_account_id,
        matches.rule_id,
        matches.confidence,
        runner_up_roots.account_key as runner_up_account_key,
        matches.explanation
    from matches
    left join account_roots on matches.account_root = account_roots.account_root
    left join
        account_roots as runner_up_roots
        on matches.runner_up_account_root = runner_up_roots.account_root

)

select * from final
