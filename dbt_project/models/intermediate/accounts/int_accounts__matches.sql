-- The best candidate of each subject by priority, and the best one for another account. Ties: the
-- account of the subject's own address, then sales' order of accounts, then who came first.
with subjects as (

    select * from {{ ref('int_accounts__match_subjects') }}

),

candidates as (

    select * from {{ ref('int_accounts__match_candidates') }}

),

domain_roots as (

    select * from {{ ref('int_accounts__domain_roots') }}

),

salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

best_per_account as (

    select
        candidates.subject_type,
        candidates.subject_id,
        candidates.account_root,
        candidates.rule_id,
        candidates.priority,
        candidates.confidence,
        candidates.explanation,
        row_number() over (
            partition by candidates.subject_type, candidates.subject_id
            order by
                candidates.priority,
                candidates.account_root
                = coalesce(
                    domain_roots.account_root,
                    {{ identity_node("'domain'", 'subjects.email_domain') }},
                    ''
                ) desc,
                salesforce_accounts.precedence nulls last,
                candidates.tie_break_at nulls last,
                candidates.account_root
        ) as place
    from candidates
    inner join
        subjects
        on
            candidates.subject_type = subjects.subject_type
            and candidates.subject_id = subjects.subject_id
    left join domain_roots on subjects.email_domain = domain_roots.domain
    left join
        salesforce_accounts
        on
            candidates.account_root
            = {{ identity_node("'sfdc_account_id'", 'salesforce_accounts.sfdc_account_id') }}
    qualify
        row_number() over (
            partition by candidates.subject_type, candidates.subject_id, candidates.account_root
            order by candidates.priority, candidates.explanation
        ) = 1

),

final as (

    select
        subjects.subject_type,
        subjects.subject_id,
        subjects.person_key,
        max(best_per_account.account_root) filter (where best_per_account.place = 1) as account_root,
        coalesce(
            max(best_per_account.rule_id) filter (where best_per_account.place = 1), 'none'
        ) as rule_id,
        coalesce(
            max(best_per_account.confidence) filter (where best_per_account.place = 1), 0
        ) as confidence,
        coalesce(
            max(best_per_account.explanation) filter (where best_per_account.place = 1),
            'no company domain and no organization'
        ) as explanation,
        {{ first_by(
            'best_per_account.account_root',
            ['best_per_account.place']
        ) }} filter (where best_per_account.place > 1) as runner_up_account_root
    from subjects
    left join
        best_per_account
        on
            subjects.subject_type = best_per_account.subject_type
            and subjects.subject_id = best_per_account.subject_id
    group by subjects.subject_type, subjects.subject_id, subjects.person_key

)

select * from final
