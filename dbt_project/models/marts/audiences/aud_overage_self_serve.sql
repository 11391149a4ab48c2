with parent as (

    select * from {{ ref('aud_base_workspaces') }}

),

final as (

    select *
    from parent
    where p_self_serve
        and p_in_overage
        and p_no_extension

)

select * from final
