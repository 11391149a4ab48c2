with audience as (

    select * from {{ ref('aud_overage_self_serve') }}

),

final as (

    select workspace_id
    from audience

)

select * from final
