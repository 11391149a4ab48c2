with product_users as (

    select * from {{ ref('stg_product__users') }}

),

product_organizations as (

    select * from {{ ref('stg_product__organizations') }}

),

product_invites as (

    select * from {{ ref('stg_product__invites') }}

),

product_restaurants as (

    select * from {{ ref('stg_product__restaurants') }}

),

salesforce_accounts as (

    select * from {{ ref('stg_salesforce__account') }}

),

salesforce_leads as (

    select * from {{ ref('stg_salesforce__lead') }}

),

salesforce_contacts as (

    select * from {{ ref('stg_salesforce__contact') }}

),

hubspot_contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

hubspot_companies as (

    select * from {{ ref('stg_hubspot__companies') }}

),

crunchbase_organizations as (

    select * from {{ ref('stg_crunchbase__organizations') }}

),

exclusions as (

    select * from {{ ref('stg_exclusions_sheet__exclusions') }}

),

-- Materialised, or a host is taken out of its text twice: to see whether there is one, and to show it.
hosts as materialized (

    select email_host as host from product_users
    union
    select verified_host from product_organizations
    union
    select billing_email_host from product_organizations
    union
    select email_host from product_invites
    union
    select website_host from product_restaurants
    union
    select website_host from salesforce_accounts
    union
    select email_host from salesforce_leads
    union
    select website_host from salesforce_leads
    union
    select email_host from salesforce_contacts
    union
    select email_host from hubspot_contacts
    union
    select domain_host from hubspot_companies
    union
    select website_host from crunchbase_organizations
    union
    select key_host from exclusions

),

final as (

    select host
    from hosts
    where host is not null

)

select * from final
