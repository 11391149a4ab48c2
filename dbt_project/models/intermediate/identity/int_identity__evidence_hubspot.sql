with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

merges as (

    select * from {{ source('landing', 'merges') }}
    where source = 'hubspot' and stream = 'contacts'

),

final as (

    select
        'hubspot_contact_id' as left_type,
        hubspot_contact_id as left_value,
        'email' as right_type,
        email as right_value,
        'hubspot_email' as rule_id,
        'hubspot.contacts/' || hubspot_contact_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from contacts
    where is_valid_email

    union all

    select
        'hubspot_contact_id' as left_type,
        hubspot_contact_id as left_value,
        'user_id' as right_type,
        product_user_id as right_value,
        'hubspot_user' as rule_id,
        'hubspot.contacts/' || hubspot_contact_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from contacts
    where product_user_id is not null

    union all

    select
        'hubspot_contact_id' as left_type,
        hubspot_contact_id as left_value,
        'anonymous_id' as right_type,
        anonymous_id as right_value,
        'hubspot_device' as rule_id,
        'hubspot.contacts/' || hubspot_contact_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from contacts
    where anonymous_id is not null

    union all

    select
        'hubspot_contact_id' as left_type,
        loser_key as left_value,
        'hubspot_contact_id' as right_type,
        winner_key as right_value,
        'hubspot_merged' as rule_id,
        'hubspot.contacts/' || loser_key as source_record,
        seen_at as first_seen_at,
        seen_at as last_seen_at
    from merges

)

select * from final
