with exclusions as (

    select * from {{ ref('int_exclusions_cleaned') }}
    where is_in_force

),

resolved as (

    select distinct row_number
    from {{ ref('int_exclusions_resolved') }}

),

final as (

    select
        exclusions.row_number,
        exclusions.key,
        case
            when exclusions.key_type = 'unreadable'
                then 'The key is no workspace id, Salesforce account id or domain.'
            when resolved.row_number is null
                then 'No workspace belongs to this '
                    || case exclusions.key_type
                        when 'workspace_id' then 'workspace id'
                        when 'sfdc_account_id' then 'Salesforce account id'
                        else 'domain'
                    end || ' (read as ' || exclusions.key_value || ').'
            else 'The expiry date cannot be read; the exclusion stays in force until it is corrected.'
        end as reason
    from exclusions
    left join resolved
        on exclusions.row_number = resolved.row_number
    where resolved.row_number is null
        or exclusions.is_expiry_unreadable

)

select * from final
