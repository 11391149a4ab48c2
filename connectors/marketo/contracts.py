"""What Marketo delivers. Records of the REST API and of bulk files have the same shape here: a
bulk file's cells are text, and an activity's attributes are one object by name."""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Contract, Pii, column


class Lead(Contract):
    """One row per lead."""

    id: int = column("id", "Marketo id.", pii=Pii.IDENTIFIER, about="marketo_lead_id")
    email: str | None = column("email", "Address.", pii=Pii.CONTACT, about="email")
    first_name: str | None = column("firstName", "First name.", pii=Pii.NAME)
    last_name: str | None = column("lastName", "Last name.", pii=Pii.NAME)
    title: str | None = column("title", "Title as typed.")
    company: str | None = column("company", "Company as typed.")
    country: str | None = column("country", "Country as typed.")
    lead_source: str | None = column("leadSource", "Where the lead came from.")
    lead_status: str | None = column("leadStatus", "Status.")
    lead_score: int | None = column("leadScore", "Marketo's own score.")
    unsubscribed: bool | None = column("unsubscribed", "Unsubscribed from all mail.")
    sfdc_lead_id: str | None = column(
        "sfdcLeadId",
        "Salesforce lead it is synced with.",
        pii=Pii.IDENTIFIER,
        mentions="sfdc_lead_id",
    )
    sfdc_contact_id: str | None = column(
        "sfdcContactId",
        "Salesforce contact it is synced with.",
        pii=Pii.IDENTIFIER,
        mentions="sfdc_contact_id",
    )
    product_user_id: str | None = column(
        "productUserId",
        "Product user id, where the product sent it (a custom field).",
        pii=Pii.IDENTIFIER,
        mentions="user_id",
    )
    created_at: datetime = column("createdAt", "Created, UTC.")
    updated_at: datetime = column(
        "updatedAt", "Last change, UTC; moves for standard fields only, so it is no cursor."
    )


class Activity(Contract):
    """One row per activity of a lead."""

    marketo_guid: str = column("marketoGUID", "The activity's identity.")
    lead_id: int = column(
        "leadId", "Whose; the winner's id once leads were merged.", about="marketo_lead_id"
    )
    activity_at: datetime = column("activityDate", "When, UTC; the cursor.")
    activity_type_id: int = column("activityTypeId", "Which type; see activity_types.")
    campaign_id: int | None = column("campaignId", "Smart campaign that caused it.")
    primary_attribute_value_id: int | None = column(
        "primaryAttributeValueId", "Asset that it is about."
    )
    primary_attribute_value: str | None = column(
        "primaryAttributeValue", "Name of that asset, an address or a URL.", pii=Pii.FREE_TEXT
    )
    attributes: dict | None = column(  # type: ignore[type-arg]
        "attributes", "The other attributes by name.", pii=Pii.FREE_TEXT
    )


class ActivityType(Contract):
    """One row per type of activity that the instance knows."""

    id: int = column("id", "Type id.")
    name: str = column("name", "Name.")
    description: str | None = column("description", "What it means.")
    primary_attribute: str | None = column(
        "primaryAttribute.name", "What the primary attribute of its activities holds."
    )


class LeadMerge(Contract):
    """One row per merge of leads."""

    marketo_guid: str = column("marketoGUID", "The merge activity's identity.")
    winner_id: int = column(
        "leadId", "The lead that lives on.", pii=Pii.IDENTIFIER, about="marketo_lead_id"
    )
    merged_at: datetime = column("activityDate", "When, UTC; the cursor.")
    loser_ids: list | None = column(  # type: ignore[type-arg]
        "attributes.Merge IDs", "The leads that were merged into it.", pii=Pii.IDENTIFIER
    )


class Program(Contract):
    """One row per program."""

    id: int = column("id", "Program id.")
    name: str = column("name", "Name.")
    type: str | None = column("type", "Default, Event, Email, Engagement or Nurture.")
    channel: str | None = column("channel", "Channel, such as Webinar.")
    status: str | None = column("status", "Status; empty for most types.")
    workspace: str | None = column("workspace", "Workspace.")
    url: str | None = column("url", "Where it is shown.")
    created_at: datetime | None = column("createdAt", "Created, UTC.")
    updated_at: datetime | None = column("updatedAt", "Last change, UTC.")


class ProgramMember(Contract):
    """One row per lead and program that it is in."""

    program_id: int = column("programId", "Program.")
    lead_id: int = column("leadId", "Lead.", pii=Pii.IDENTIFIER, about="marketo_lead_id")
    status: str | None = column("statusName", "Status in the program.")
    member_since: datetime | None = column("membershipDate", "Became a member, UTC.")
    reached_success: bool | None = column("reachedSuccess", "Reached a status of success.")
    acquired_by: bool | None = column("acquiredBy", "Became known by this program.")
    is_exhausted: bool | None = column("isExhausted", "Has had all of a nurture program's mail.")


class List(Contract):
    """One row per static list."""

    id: int = column("id", "List id.")
    name: str = column("name", "Name.")
    program_name: str | None = column("programName", "Program it belongs to.")
    workspace_name: str | None = column("workspaceName", "Workspace.")
    created_at: datetime | None = column("createdAt", "Created, UTC.")
    updated_at: datetime | None = column("updatedAt", "Last change, UTC.")
