with domain_owners as (

    select * from {{ ref('int_accounts__domain_owners') }}

),

organization_map as (

    select * from {{ ref('int_accounts__organization_map') }}

),

organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

salesforce_accounts as (

    select * from {{ ref('int_accounts__salesforce') }}

),

domain_conflicts as (

    select
        'domain_claimed_twice' as conflict_type,
        'domain' as subject_type,
        losers.domain as subject_id,
        {{ identity_node("'sfdc_account_id'", 'owners.sfdc_account_id') }} as chosen_root,
        owners.rule_id as chosen_rule_id,
        {{ identity_node("'sfdc_account_id'", 'losers.sfdc_account_id') }} as other_root,
        losers.rule_id as other_rule_id
    from domain_owners as losers
    inner join
        domain_owners as owners
        on losers.domain = owners.domain and owners.is_owner
    where not losers.is_owner

),

organization_conflicts as (

    select
        'organization_rules_disagree' as conflict_type,
        'organization_id' as subject_type,
        others.organization_id as subject_id,
        chosen.account_root as chosen_root,
        chosen.rule_id as chosen_rule_id,
        others.account_root as other_root,
        {{ first_by('others.rule_id', ['others.place']) }} as other_rule_id
    from organization_map as others
    inner join
        organization_map as chosen
        on others.organization_id = chosen.organization_id and chosen.place = 1
    where others.account_root <> chosen.account_root and others.rule_id <> 'personal'
    group by others.organization_id, chosen.account_root, chosen.rule_id, others.account_root

),

broken_mappings as (

    select
        'mapping_names_no_live_account' as conflict_type,
        'organization_id' as subject_type,
        organizations.organization_id as subject_id,
        chosen.account_root as chosen_root,
        chosen.rule_id as chosen_rule_id,
        {{ identity_node("'sfdc_account_id'", 'organizations.sfdc_account_id_as_entered') }}
            as other_root,
        'product_mapping' as other_rule_id
    from organizations
    inner join
        organization_map as chosen
        on organizations.organization_id = chosen.organization_id and chosen.place = 1
    left join
        salesforce_accounts
        on organizations.sfdc_account_id = salesforce_accounts.sfdc_account_id
    where
        organizations.sfdc_account_id_as_entered is not null
        and salesforce_accounts.live_sfdc_account_id is null

),

conflicts as (

    select * from domain_conflicts
    union all
    select * from organization_conflicts
    union all
    select * from broken_mappings

),

final as (

    select
        {{ md5_key(['conflict_type', 'subject_id', 'other_root']) }} as conflict_key,
        conflict_type,
        subject_type,
        subject_id,
        chosen_root as chosen_account,
        chosen_rule_id,
        other_root as other_account,
        other_rule_id
    from conflicts

)

select * from final
