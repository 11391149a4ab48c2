with workspaces as (

    select * from {{ ref('int_audience_predicates') }}

),

final as (

    select *
    from workspaces
    where p_not_internal
        and p_not_test
        and p_not_deleted

)

select * from final
