"""What HubSpot delivers. All property values arrive as strings or null."""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Contract, Pii, column


class Contact(Contract):
    """One row per contact, archived ones included."""

    id: str = column("id", "HubSpot record id.", pii=Pii.IDENTIFIER)
    email: str | None = column("properties.email", "Address.", pii=Pii.CONTACT)
    first_name: str | None = column("properties.firstname", "First name.", pii=Pii.NAME)
    last_name: str | None = column("properties.lastname", "Last name.", pii=Pii.NAME)
    company: str | None = column("properties.company", "Company as typed.")
    job_title: str | None = column("properties.jobtitle", "Title as typed.")
    lifecycle_stage: str | None = column("properties.lifecyclestage", "Lifecycle stage.")
    product_user_id: str | None = column(
        "properties.product_user_id",
        "Product user id, where the product sent it.",
        pii=Pii.IDENTIFIER,
    )
    anonymous_id: str | None = column(
        "properties.anonymous_id",
        "Device id of the form that made the contact.",
        pii=Pii.IDENTIFIER,
    )
    unsubscribed: bool | None = column("properties.hs_email_optout", "Opted out of all mail.")
    plg_campaign: str | None = column("properties.plg_campaign", "Set by Headwater.")
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
    created_at: datetime = column("createdAt", "Created, UTC.")
    updated_at: datetime = column("updatedAt", "Last change, UTC; the cursor.")
    archived: bool = column("archived", "In the recycle bin.")
    archived_at: datetime | None = column("archivedAt", "When it was archived, UTC.")
