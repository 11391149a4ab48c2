with occurrences as (

    select * from {{ ref('int_value_moment_occurrences') }}

),

final as (

    select
        account_key,
        moment_id,
        moment_version,
        max(event_at) filter (where occurrence_number = threshold) as reached_at,
        count(*) as occurrences,
        list(event_id order by occurrence_number) filter (where occurrence_number <= threshold)
            as evidence_event_ids
    from occurrences
    group by account_key, moment_id, moment_version, threshold
    having count(*) >= threshold

)

select * from final
