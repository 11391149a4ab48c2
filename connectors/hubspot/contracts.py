"""What HubSpot delivers. All property values of CRM objects arrive as strings or null."""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Clock, Contract, Pii, column

MERGED = "Ids of records that were merged into this one, with semicolons between them."


class Contact(Contract):
    """One row per contact, archived ones included."""

    id: str = column("id", "HubSpot record id.", pii=Pii.IDENTIFIER, about="hubspot_contact_id")
    email: str | None = column("properties.email", "Address.", pii=Pii.CONTACT, about="email")
    first_name: str | None = column("properties.firstname", "First name.", pii=Pii.NAME)
    last_name: str | None = column("properties.lastname", "Last name.", pii=Pii.NAME)
    company: str | None = column("properties.company", "Company as typed.")
    job_title: str | None = column("properties.jobtitle", "Title as typed.")
    lifecycle_stage: str | None = column("properties.lifecyclestage", "Lifecycle stage.")
    product_user_id: str | None = column(
        "properties.product_user_id",
        "Product user id, where the product sent it.",
        pii=Pii.IDENTIFIER,
        mentions="user_id",
    )
    anonymous_id: str | None = column(
        "properties.anonymous_id",
        "Device id of the form that made the contact.",
        pii=Pii.IDENTIFIER,
        mentions="anonymous_id",
    )
    unsubscribed: bool | None = column("properties.hs_email_optout", "Opted out of all mail.")
    plg_campaign: str | None = column("properties.plg_campaign", "Set by Headwater.")
    additional_emails: str | None = column(
        "properties.hs_additional_emails",
        "Further addresses, with semicolons between them.",
        pii=Pii.CONTACT,
        about="email",
    )
    merged_object_ids: str | None = column("properties.hs_merged_object_ids", MERGED)
    created_at: datetime = column("createdAt", "Created, UTC.")
    updated_at: datetime = column("updatedAt", "Last change, UTC; the cursor.")
    archived: bool = column("archived", "In the recycle bin.")
    archived_at: datetime | None = column("archivedAt", "When it was archived, UTC.")


class Company(Contract):
    """One row per company, archived ones included."""

    id: str = column("id", "HubSpot record id.")
    name: str | None = column("properties.name", "Name.")
    domain: str | None = column("properties.domain", "Domain; not unique.")
    industry: str | None = column("properties.industry", "Industry.")
    country: str | None = column("properties.country", "Country as typed.")
    merged_object_ids: str | None = column("properties.hs_merged_object_ids", MERGED)
    created_at: datetime = column("createdAt", "Created, UTC.")
    updated_at: datetime = column("updatedAt", "Last change, UTC; the cursor.")
    archived: bool = column("archived", "In the recycle bin.")
    archived_at: datetime | None = column("archivedAt", "When it was archived, UTC.")


class EmailEvent(Contract):
    """One row per event of a marketing email and recipient: id and moment together are unique."""

    id: str = column("id", "Id; unique together with the moment.")
    created_at: datetime = column(
        "created", "When it happened, UTC; the cursor.", clock=Clock.EPOCH_MILLISECONDS
    )
    type: str = column("type", "SENT, DELIVERED, OPEN, CLICK, BOUNCE, STATUSCHANGE, ...")
    recipient: str = column("recipient", "Address.", pii=Pii.CONTACT, about="email")
    email_campaign_id: int | None = column("emailCampaignId", "Email that was sent.")
    subject: str | None = column("subject", "Subject (SENT only).")
    sent_by_id: str | None = column("sentBy.id", "Id of the SENT event behind this one.")
    sent_at: datetime | None = column(
        "sentBy.created", "When that was, UTC.", clock=Clock.EPOCH_MILLISECONDS
    )
    url: str | None = column("url", "Link that was clicked (CLICK only).")
    category: str | None = column("category", "Kind of bounce (BOUNCE only).")
    status: str | None = column("status", "Status code of the mail server (BOUNCE only).")
    response: str | None = column("response", "What the mail server answered.")
    drop_reason: str | None = column("dropReason", "Why it was not sent (DROPPED only).")
    is_filtered: bool | None = column("filteredEvent", "By a bot or by staff, as HubSpot sees it.")
    user_agent: str | None = column("userAgent", "Browser or mail program.")


class List(Contract):
    """One row per list."""

    list_id: str = column("listId", "Id of the list.")
    name: str = column("name", "Name.")
    object_type_id: str = column("objectTypeId", "0-1 for contacts, 0-2 for companies.")
    processing_type: str = column("processingType", "MANUAL, SNAPSHOT or DYNAMIC.")
    size: int | None = column("additionalProperties.hs_list_size", "How many members it has.")
    created_at: datetime | None = column("createdAt", "Created, UTC.")
    updated_at: datetime | None = column("updatedAt", "Last change of its definition, UTC.")


class ListMembership(Contract):
    """One row per list and member."""

    list_id: str = column("listId", "List.")
    record_id: str = column(
        "recordId",
        "Member, of the list's object type.",
        pii=Pii.IDENTIFIER,
        about="hubspot_contact_id",
    )
    joined_at: datetime | None = column("membershipTimestamp", "When it became one, UTC.")
