-- The account that organization_account_history holds comes first, then the others as their rules rank
-- them.
with candidates as (

    select * from {{ ref('int_accounts__organization_candidates') }}

),

held as (

    select *
    from {{ ref('organization_account_history') }}
    where closed_in is null

),

final as (

    select
        candidates.* exclude (place),
        row_number() over (
            partition by candidates.organization_id
            order by
                candidates.account_root is not distinct from held.account_root desc,
                candidates.place
        ) as place
    from candidates
    left join held on candidates.organization_id = held.organization_id

)

select * from final
