-- The external id is no evidence: where Headwater made the prospect it is Headwater's own key.
with prospects as (

    select * from {{ ref('stg_outreach__prospects') }}

),

addresses as (

    select
        outreach_prospect_id,
        created_at,
        updated_at,
        unnest({{ json_texts('emails') }}) as address
    from prospects

),

normalised as (

    select
        outreach_prospect_id,
        created_at,
        updated_at,
        {{ normalised_email('address') }} as email
    from addresses

),

final as (

    select distinct
        'outreach_prospect_id' as left_type,
        outreach_prospect_id as left_value,
        'email' as right_type,
        email as right_value,
        'outreach_email' as rule_id,
        'outreach.prospects/' || outreach_prospect_id as source_record,
        created_at as first_seen_at,
        updated_at as last_seen_at
    from normalised
    where {{ is_valid_email('email') }}

)

select * from final
