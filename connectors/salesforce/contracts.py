"""What Salesforce delivers: the objects and fields that Headwater reads.

Fields named ``plg_...`` are custom fields that Headwater writes; docs/salesforce-setup.md lists
them. Objects carry ``SystemModstamp`` (the cursor; a field history has ``CreatedDate`` only) and
``IsDeleted`` (seen through queryAll).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from connectors.contract import Contract, Pii, column

ID = "Salesforce id, 18 characters."
CREATED = "Created, UTC."
STAMP = "Last change by anybody, the system included, UTC; the cursor."
DELETED = "In the recycle bin or merged away."


class Account(Contract):
    """One row per account, deleted ones included."""

    id: str = column("Id", ID)
    name: str = column("Name", "Name.")
    website: str | None = column("Website", "Website as typed.")
    type: str | None = column("Type", "Prospect, Customer, Partner, Competitor or Restaurant.")
    industry: str | None = column("Industry", "Industry.")
    number_of_employees: int | None = column("NumberOfEmployees", "Employees.")
    billing_country: str | None = column("BillingCountry", "Country.")
    parent_id: str | None = column("ParentId", "Parent account.")
    owner_id: str | None = column("OwnerId", "Owner.")
    master_record_id: str | None = column("MasterRecordId", "Winner, if merged away.")
    plg_icp_tier: str | None = column("PLG_ICP_Tier__c", "Written by Headwater: tier.")
    plg_icp_score: float | None = column("PLG_ICP_Score__c", "Written by Headwater: score.")
    plg_icp_reasons: str | None = column("PLG_ICP_Reasons__c", "Written by Headwater: reasons.")
    plg_pql: bool | None = column("PLG_PQL__c", "Written by Headwater: product-qualified.")
    plg_pql_reasons: str | None = column("PLG_PQL_Reasons__c", "Written by Headwater: reasons.")
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", DELETED)


class Lead(Contract):
    """One row per lead, converted and deleted ones included."""

    id: str = column("Id", ID, pii=Pii.IDENTIFIER, about="sfdc_lead_id")
    email: str | None = column("Email", "Address.", pii=Pii.CONTACT, about="email")
    first_name: str | None = column("FirstName", "First name.", pii=Pii.NAME)
    last_name: str = column("LastName", "Last name.", pii=Pii.NAME)
    title: str | None = column("Title", "Job title.")
    company: str | None = column("Company", "Company as typed.")
    website: str | None = column("Website", "Website as typed.")
    country: str | None = column("Country", "Country.")
    status: str | None = column("Status", "Lead status.")
    lead_source: str | None = column("LeadSource", "Where it came from.")
    owner_id: str | None = column("OwnerId", "Owner.")
    is_converted: bool = column("IsConverted", "Converted to a contact.")
    converted_at: date | None = column("ConvertedDate", "Day of conversion.")
    converted_account_id: str | None = column("ConvertedAccountId", "Account it became part of.")
    converted_contact_id: str | None = column("ConvertedContactId", "Contact it became.")
    converted_opportunity_id: str | None = column(
        "ConvertedOpportunityId", "Opportunity it became part of."
    )
    master_record_id: str | None = column("MasterRecordId", "Winner, if merged away.")
    do_not_call: bool | None = column("DoNotCall", "Must not be called.")
    has_opted_out_of_email: bool | None = column("HasOptedOutOfEmail", "Opted out of mail.")
    plg_user_id: str | None = column(
        "PLG_User_Id__c",
        "Product user id; external id written by Headwater.",
        pii=Pii.IDENTIFIER,
        mentions="user_id",
    )
    plg_org_id: str | None = column("PLG_Org_Id__c", "Written by Headwater: organization id.")
    plg_icp_tier: str | None = column("PLG_ICP_Tier__c", "Written by Headwater: tier.")
    plg_icp_score: float | None = column("PLG_ICP_Score__c", "Written by Headwater: score.")
    plg_icp_reasons: str | None = column("PLG_ICP_Reasons__c", "Written by Headwater: reasons.")
    plg_pql: bool | None = column("PLG_PQL__c", "Written by Headwater: product-qualified.")
    plg_pql_reasons: str | None = column("PLG_PQL_Reasons__c", "Written by Headwater: reasons.")
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", DELETED)


class Contact(Contract):
    """One row per contact, deleted ones included."""

    id: str = column("Id", ID, pii=Pii.IDENTIFIER, about="sfdc_contact_id")
    account_id: str | None = column("AccountId", "Account.")
    email: str | None = column("Email", "Address.", pii=Pii.CONTACT, about="email")
    first_name: str | None = column("FirstName", "First name.", pii=Pii.NAME)
    last_name: str = column("LastName", "Last name.", pii=Pii.NAME)
    title: str | None = column("Title", "Job title.")
    owner_id: str | None = column("OwnerId", "Owner.")
    master_record_id: str | None = column("MasterRecordId", "Winner, if merged away.")
    do_not_call: bool | None = column("DoNotCall", "Must not be called.")
    has_opted_out_of_email: bool | None = column("HasOptedOutOfEmail", "Opted out of mail.")
    plg_user_id: str | None = column(
        "PLG_User_Id__c", "Product user id, where known.", pii=Pii.IDENTIFIER, mentions="user_id"
    )
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", DELETED)


class Opportunity(Contract):
    """One row per opportunity, deleted ones included."""

    id: str = column("Id", ID)
    account_id: str | None = column("AccountId", "Account.")
    name: str = column("Name", "Name.")
    stage_name: str = column("StageName", "Stage.")
    amount: Decimal | None = column("Amount", "Amount, in the org's currency.")
    close_date: date | None = column("CloseDate", "Expected or actual close.")
    is_closed: bool = column("IsClosed", "Closed.")
    is_won: bool = column("IsWon", "Won.")
    owner_id: str | None = column("OwnerId", "Owner.")
    last_activity_on: date | None = column("LastActivityDate", "Day of the last activity.")
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", DELETED)


class Task(Contract):
    """One row per task, deleted ones included."""

    id: str = column("Id", ID)
    who_id: str | None = column(
        "WhoId", "Lead or contact.", pii=Pii.IDENTIFIER, about=("sfdc_lead_id", "sfdc_contact_id")
    )
    what_id: str | None = column("WhatId", "Account or opportunity.")
    subject: str | None = column("Subject", "Subject.", pii=Pii.FREE_TEXT)
    status: str | None = column("Status", "Status.")
    activity_date: date | None = column("ActivityDate", "Due day.")
    owner_id: str | None = column("OwnerId", "Owner.")
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", DELETED)


class Campaign(Contract):
    """One row per campaign, deleted ones included."""

    id: str = column("Id", ID)
    name: str = column("Name", "Name.")
    type: str | None = column("Type", "Webinar, Email, ...")
    status: str | None = column("Status", "Status.")
    start_date: date | None = column("StartDate", "First day.")
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", DELETED)


class CampaignMember(Contract):
    """One row per campaign and lead or contact, deleted ones included."""

    id: str = column("Id", ID)
    campaign_id: str = column("CampaignId", "Campaign.")
    lead_id: str | None = column("LeadId", "Lead.", pii=Pii.IDENTIFIER, about="sfdc_lead_id")
    contact_id: str | None = column(
        "ContactId", "Contact.", pii=Pii.IDENTIFIER, about="sfdc_contact_id"
    )
    status: str | None = column("Status", "Sent, Registered, Attended, ...")
    has_responded: bool | None = column("HasResponded", "Responded.")
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", DELETED)


class User(Contract):
    """One row per Salesforce user. Users are never deleted, only made inactive."""

    id: str = column("Id", ID)
    username: str = column("Username", "Login name.", pii=Pii.CONTACT)
    name: str = column("Name", "Name.", pii=Pii.NAME)
    email: str | None = column("Email", "Address.", pii=Pii.CONTACT)
    is_active: bool = column("IsActive", "May log in.")
    created_at: datetime = column("CreatedDate", CREATED)
    system_modstamp: datetime = column("SystemModstamp", STAMP)


class OpportunityHistory(Contract):
    """One row per change of an opportunity's stage, amount, close date or probability: what these
    were from then on."""

    id: str = column("Id", ID)
    opportunity_id: str = column("OpportunityId", "Opportunity.")
    stage_name: str = column("StageName", "Stage from then on.")
    amount: Decimal | None = column("Amount", "Amount, in the org's currency.")
    expected_revenue: Decimal | None = column("ExpectedRevenue", "Amount times probability.")
    close_date: date | None = column("CloseDate", "Expected or actual close.")
    probability: float | None = column("Probability", "Probability, percent.")
    forecast_category: str | None = column("ForecastCategory", "Forecast category.")
    created_by_id: str | None = column("CreatedById", "Who changed it.")
    created_at: datetime = column("CreatedDate", "When it changed, UTC.")
    system_modstamp: datetime = column("SystemModstamp", STAMP)
    is_deleted: bool = column("IsDeleted", "In the recycle bin, with its opportunity.")


class OpportunityFieldHistory(Contract):
    """One row per change of a tracked field of an opportunity.

    Which fields are tracked is set in the org, and how long rows are kept too (18 months at least).
    """

    id: str = column("Id", ID)
    opportunity_id: str = column("OpportunityId", "Opportunity.")
    field: str = column("Field", "API name of the field; created for the record's own creation.")
    data_type: str | None = column("DataType", "Type of the values, such as Currency.")
    old_value: str | None = column("OldValue", "Value before, as text.", pii=Pii.FREE_TEXT)
    new_value: str | None = column("NewValue", "Value after, as text.", pii=Pii.FREE_TEXT)
    created_by_id: str | None = column("CreatedById", "Who changed it.")
    created_at: datetime = column("CreatedDate", "When it changed, UTC; the cursor.")
    is_deleted: bool = column("IsDeleted", "In the recycle bin, with its opportunity.")
