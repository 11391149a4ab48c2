with source as (

    select * from {{ source('mixpanel', 'events') }}

),

renamed as (

    select
        {{ md5_key([
            "event", "distinct_id", epoch_microseconds("event_at"), "insert_id"
        ]) }} as event_id,
        event as event_name,
        event_at,
        insert_id,
        distinct_id,
        coalesce(
            nullif(trim(user_id), ''),
            case when not starts_with(distinct_id, '$device:') then nullif(trim(distinct_id), '') end
        ) as user_id,
        coalesce(
            case
                when starts_with(device_id, '$device:') then nullif(trim(substr(device_id, 9)), '')
                else nullif(trim(device_id), '')
            end,
            case
                when starts_with(distinct_id, '$device:')
                    then nullif(trim(substr(distinct_id, 9)), '')
            end
        ) as anonymous_id,
        cast(workspace_id as varchar) as workspace_id,
        platform,
        environment,
        user_agent,
        current_url,
        utm_source,
        utm_medium,
        utm_campaign,
        {{ normalised_email('email') }} as email,
        {{ is_valid_email(normalised_email('email')) }} as is_valid_email,
        {{ email_host(normalised_email('email')) }} as email_host,
        make_timestamp(processed_at_ms * 1000) as processed_at,
        _extra as other_properties,
        (_deleted_at is not null) as is_deleted,
        _load_id,
        _landed_at
    from source

)

select * from renamed
