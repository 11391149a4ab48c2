with parent as (

    select * from {{ ref('aud_overage_no_sales') }}

),

final as (

    select *
    from parent
    where p_high_usage
        and p_good_fit

)

select * from final
