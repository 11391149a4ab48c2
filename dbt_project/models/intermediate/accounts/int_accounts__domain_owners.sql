-- A domain never joins two accounts: it goes to one, and everybody else who claims it is a conflict.
with domain_claims as (

    select * from {{ ref('int_accounts__domain_claims') }}

),

claimants as (

    select
        domain,
        sfdc_account_id,
        min(precedence) as precedence,
        min(parent_sfdc_account_id) as parent_sfdc_account_id,
        max(confidence) as confidence,
        count(*) as rules,
        {{ first_by('rule_id', ['confidence desc', 'priority', 'rule_id']) }} as rule_id
    from domain_claims
    group by domain, sfdc_account_id

),

ranked as (

    select
        claimants.domain,
        claimants.sfdc_account_id,
        claimants.rule_id,
        claimants.confidence,
        claimants.precedence,
        count(*) over (partition by claimants.domain) as claimants,
        row_number() over (
            partition by claimants.domain
            order by
                claimants.rules desc,
                claimants.confidence desc,
                -- a subsidiary before its parent
                parents.sfdc_account_id is not null desc,
                claimants.precedence
        ) as place
    from claimants
    left join
        claimants as parents
        on
            claimants.domain = parents.domain
            and claimants.parent_sfdc_account_id = parents.sfdc_account_id

),

final as (

    select
        domain,
        sfdc_account_id,
        rule_id,
        confidence,
        place,
        place = 1 as is_owner,
        claimants
    from ranked

)

select * from final
