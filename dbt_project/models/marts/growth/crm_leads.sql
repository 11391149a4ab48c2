with leads as (

    select * from {{ ref('stg_salesforce__lead') }}

),

lead_people as (

    select
        identifiers.id_value as sfdc_lead_id,
        people.person_key,
        people.user_id
    from {{ ref('person_identifiers') }} as identifiers
    inner join {{ ref('dim_people') }} as people
        on identifiers.person_key = people.person_key
    where identifiers.id_type = 'sfdc_lead_id'

),

matches as (

    select * from {{ ref('lead_account_matches') }}
    where subject_type = 'sfdc_lead'

),

settings as (

    select value as signup_lead_source
    from {{ ref('activation_settings') }}
    where setting = 'signup_lead_source'

),

joined as (

    select
        leads.*,
        lead_people.person_key,
        matches.account_key,
        coalesce(lead_people.user_id, leads.plg_user_id) as person_user_id,
        not leads.is_deleted
        and not leads.is_converted
        and leads.master_sfdc_lead_id is null as is_open,
        coalesce(
            leads.plg_user_id is not null and leads.lead_source = settings.signup_lead_source, false
        ) as is_made_by_headwater
    from leads
    cross join settings
    left join lead_people
        on leads.sfdc_lead_id = lead_people.sfdc_lead_id
    left join matches
        on leads.sfdc_lead_id = matches.subject_id

),

-- The user id is a unique field: one lead of a person may carry it. The one that does keeps it, a
-- converted one too; else the oldest open lead gets it.
carriers as (

    select
        sfdc_lead_id,
        row_number() over (
            partition by person_user_id
            order by
                coalesce(plg_user_id = person_user_id, false) desc,
                is_open desc,
                created_at,
                sfdc_lead_id
        ) as carrier_rank
    from joined
    where person_user_id is not null
        and not is_deleted

),

final as (

    select
        joined.sfdc_lead_id,
        joined.person_key,
        joined.account_key,
        case when carriers.carrier_rank = 1 then joined.person_user_id end as user_id,
        carriers.carrier_rank > 1 as is_duplicate_lead,
        joined.is_open,
        joined.is_converted,
        joined.is_deleted,
        joined.master_sfdc_lead_id is not null as is_merged_away,
        joined.is_made_by_headwater,
        joined.plg_user_id as current_user_id,
        joined.plg_organization_id as current_organization_id,
        joined.plg_icp_tier as current_icp_tier,
        joined.plg_icp_score as current_icp_score,
        joined.plg_icp_reasons as current_icp_reasons,
        joined.plg_pql as current_is_pql,
        joined.plg_pql_reasons as current_pql_reasons
    from joined
    left join carriers
        on joined.sfdc_lead_id = carriers.sfdc_lead_id

)

select * from final
