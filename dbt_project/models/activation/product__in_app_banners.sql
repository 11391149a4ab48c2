with audience as (

    select * from {{ ref('aud_overage_self_serve') }}

),

meters as (

    select * from {{ ref('usage_meters') }}

),

final as (

    select
        audience.workspace_id,
        coalesce(meters.banner_code, 'overage') as banner_code,
        coalesce(
            replace(
                replace(meters.banner_headline, '{used}', format('{:,}', audience.used)),
                '{included}',
                format('{:,}', audience.included)
            ),
            'Your team has used more than its plan includes this month.'
        ) as headline,
        audience.meter,
        audience.used,
        audience.included,
        audience.period_end
    from audience
    left join meters
        on audience.meter = meters.meter

)

select * from final
