with parent as (

    select * from {{ ref('aud_overage_self_serve') }}

),

final as (

    select *
    from parent
    where p_no_active_opportunity
        and p_not_excluded
        and p_admin_consents

)

select * from final
