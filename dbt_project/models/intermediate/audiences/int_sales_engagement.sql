with opportunities as (

    select * from {{ ref('stg_salesforce__opportunity') }}
    where not is_deleted
        and not is_closed
        and created_at < {{ as_of() }}

),

account_identifiers as (

    select * from {{ ref('account_identifiers') }}
    where id_type = 'sfdc_account_id'

),

tasks as (

    select
        sfdc_what_id,
        max(activity_date) as last_task_on
    from {{ ref('stg_salesforce__task') }}
    where not is_deleted
        and activity_date <= cast({{ as_of() }} as date)
    group by sfdc_what_id

),

late_stages as (

    select * from {{ ref('audience_late_stages') }}

),

settings as (

    select cast(value as integer) as active_days
    from {{ ref('audience_settings') }}
    where setting = 'active_opportunity_days'

),

open_opportunities as (

    select
        account_identifiers.account_key,
        opportunities.sfdc_opportunity_id,
        opportunities.stage_name,
        greatest(
            opportunities.last_activity_on,
            tasks.last_task_on,
            cast(opportunities.created_at as date)
        ) as last_activity_on,
        late_stages.stage_name is not null as is_late_stage
    from opportunities
    inner join account_identifiers
        on opportunities.sfdc_account_id = account_identifiers.id_value
    left join tasks
        on opportunities.sfdc_opportunity_id = tasks.sfdc_what_id
    left join late_stages
        on lower(trim(opportunities.stage_name)) = lower(late_stages.stage_name)

),

final as (

    select
        open_opportunities.account_key,
        open_opportunities.sfdc_opportunity_id,
        open_opportunities.stage_name,
        open_opportunities.last_activity_on,
        open_opportunities.is_late_stage,
        (
            open_opportunities.is_late_stage
            or open_opportunities.last_activity_on
            >= cast({{ add_days(as_of(), '-settings.active_days') }} as date)
        ) as is_active
    from open_opportunities
    cross join settings

)

select * from final
