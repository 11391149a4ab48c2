{{ config(materialized='table') }}

with observed as (

    select * from {{ ref('int_account_attributes_observed') }}

),

sources as (

    select * from {{ ref('icp_attribute_sources') }}

),

final as (

    select
        observed.account_key,
        observed.attribute,
        observed.value_text,
        observed.value_number,
        observed.source,
        observed.observed_at,
        sources.precedence,
        sources.is_shown
    from observed
    inner join sources
        on observed.attribute = sources.attribute
        and observed.source = sources.source
    where observed.known_from <= {{ as_of() }}
        and (
            sources.max_age_days is null
            or observed.observed_at >= {{ add_days(as_of(), '-sources.max_age_days') }}
        )
    qualify row_number() over (
        partition by observed.account_key, observed.attribute
        order by
            sources.precedence desc,
            observed.changed_at desc,
            observed.source,
            observed.source_record
    ) = 1

)

select * from final
