with events as (

    select *
    from {{ ref('fct_events') }}
    where event_name in (select event_name from {{ ref('exported_events') }})

),

accounts as (

    select * from {{ ref('dim_accounts') }}
    where sfdc_account_id is not null
        and not coalesce(is_internal, false)

),

deleted_users as (

    select user_id
    from {{ ref('product_signups') }}
    where is_deleted

),

deleted_people as (

    select person_key
    from {{ ref('dim_people') }}
    where is_user_deleted

),

deleted_workspaces as (

    select workspace_id
    from {{ ref('dim_workspaces') }}
    where is_deleted

),

settings as (

    select cast(value as integer) as exported_days
    from {{ ref('activation_settings') }}
    where setting = 'exported_event_days'

),

-- The insert id is a digest: vendors allow 36 characters of [A-Za-z0-9-], and the same event gets
-- the same id in every run, so that sending it twice stores it once.
final as (

    select
        {{ md5_key(["events.event_id"]) }} as insert_id,
        events.event_name as event,
        events.event_at,
        accounts.sfdc_account_id as distinct_id,
        events.user_id,
        events.workspace_id,
        events.platform
    from events
    inner join accounts
        on events.account_key = accounts.account_key
    cross join settings
    anti join deleted_users
        on events.user_id = deleted_users.user_id
    anti join deleted_people
        on events.person_key = deleted_people.person_key
    anti join deleted_workspaces
        on events.workspace_id = deleted_workspaces.workspace_id
    where events.event_at >= {{ add_days(as_of(), '-settings.exported_days') }}
        and events.event_at < {{ as_of() }}

)

select * from final
