with people as (

    select * from {{ ref('dim_people') }}

),

opt_outs as (

    select * from {{ ref('person_opt_outs') }}

),

final as (

    select
        people.person_key,
        coalesce(people.marketing_consent, false) as marketing_consent,
        coalesce(people.sales_consent, false) as sales_consent,
        coalesce(opt_outs.has_opted_out_of_email, false) as has_opted_out_of_email,
        coalesce(opt_outs.do_not_call, false) as do_not_call,
        (
            coalesce(people.marketing_consent, false)
            and not coalesce(opt_outs.has_opted_out_of_email, false)
            and not coalesce(people.is_internal, false)
            and not coalesce(people.is_test, false)
            and not coalesce(people.is_user_deleted, false)
            and people.primary_email is not null
        ) as may_receive_marketing,
        (
            coalesce(people.sales_consent, false)
            and not coalesce(opt_outs.has_opted_out_of_email, false)
            and not coalesce(opt_outs.do_not_call, false)
            and not coalesce(people.is_internal, false)
            and not coalesce(people.is_test, false)
            and not coalesce(people.is_user_deleted, false)
            and people.primary_email is not null
        ) as may_be_contacted_by_sales
    from people
    left join opt_outs on people.person_key = opt_outs.person_key

)

select * from final
