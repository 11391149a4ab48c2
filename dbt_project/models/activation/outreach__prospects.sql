with contacts as (

    select * from {{ ref('overage_contacts') }}
    where person_key is not null

),

people as (

    select * from {{ ref('dim_people') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

final as (

    select
        people.person_key,
        people.primary_email as email,
        people.first_name,
        people.last_name,
        people.title,
        accounts.account_name as company
    from people
    left join accounts
        on people.account_key = accounts.account_key
    where people.person_key in (select contacts.person_key from contacts)

)

select * from final
