"""What Zendesk's incremental exports deliver."""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Clock, Contract, Pii, column


class Ticket(Contract):
    """One row per ticket, deleted ones included."""

    id: int = column("id", "Ticket number.", about="support_ticket_id")
    external_id: str | None = column("external_id", "Id of the same thing in another system.")
    subject: str | None = column("subject", "Subject as typed.", pii=Pii.FREE_TEXT)
    description: str | None = column("description", "First comment.", pii=Pii.FREE_TEXT)
    channel: str | None = column("via.channel", "Where it came from: email, web, chat, api.")
    type: str | None = column("type", "problem, incident, question or task.")
    priority: str | None = column("priority", "urgent, high, normal or low.")
    status: str = column("status", "new, open, pending, hold, solved, closed or deleted.")
    is_deleted: bool | None = column(
        "_is_deleted", "Whether it was deleted.", computed="status = 'deleted'"
    )
    requester_id: int | None = column(
        "requester_id", "User who asked.", pii=Pii.IDENTIFIER, about="support_user_id"
    )
    submitter_id: int | None = column(
        "submitter_id", "User who filed it.", pii=Pii.IDENTIFIER, mentions="support_user_id"
    )
    assignee_id: int | None = column("assignee_id", "Agent who has it.")
    organization_id: int | None = column("organization_id", "Organization of the requester.")
    group_id: int | None = column("group_id", "Group of agents who have it.")
    tags: list | None = column("tags", "Tags; closed_by_merge marks the loser of a merge.")  # type: ignore[type-arg]
    custom_fields: list | None = column("custom_fields", "List of {id, value}.")  # type: ignore[type-arg]
    satisfaction: str | None = column(
        "satisfaction_rating.score", "unoffered, offered, good or bad."
    )
    satisfaction_comment: str | None = column(
        "satisfaction_rating.comment", "What the requester said to it.", pii=Pii.FREE_TEXT
    )
    problem_id: int | None = column("problem_id", "Ticket of the problem it is an incident of.")
    is_public: bool | None = column("is_public", "Whether a comment is public.")
    created_at: datetime = column("created_at", "Created, UTC.")
    updated_at: datetime = column("updated_at", "Last change by people or rules, UTC.")
    generated_at: datetime = column(
        "generated_timestamp",
        "Last change of any kind, UTC; what the export goes by.",
        clock=Clock.EPOCH_SECONDS,
    )


class TicketEvent(Contract):
    """One row per update of a ticket, with everything that happened in it."""

    id: int = column("id", "Id of the update (audit).")
    ticket_id: int = column("ticket_id", "Ticket.", about="support_ticket_id")
    updater_id: int | None = column(
        "updater_id",
        "User who made it; -1 for Zendesk itself.",
        pii=Pii.IDENTIFIER,
        mentions="support_user_id",
    )
    event_type: str | None = column("event_type", "Kind of update; Audit.")
    via: str | None = column("via", "Where it came from, in words.")
    child_events: list = column(  # type: ignore[type-arg]
        "child_events",
        "What happened: comments with their body, and fields with old and new value.",
        pii=Pii.FREE_TEXT,
    )
    created_at: datetime | None = column("created_at", "When, UTC, as text.")
    occurred_at: datetime = column(
        "timestamp", "When, UTC; what the export goes by.", clock=Clock.EPOCH_SECONDS
    )


class User(Contract):
    """One row per end user and agent, deleted ones included."""

    id: int = column("id", "Zendesk user id.", pii=Pii.IDENTIFIER, about="support_user_id")
    external_id: str | None = column(
        "external_id",
        "Product user id, where the product sent it.",
        pii=Pii.IDENTIFIER,
        about="user_id",
    )
    email: str | None = column("email", "Main address.", pii=Pii.CONTACT, about="email")
    name: str | None = column("name", "Name.", pii=Pii.NAME)
    phone: str | None = column("phone", "Telephone.", pii=Pii.CONTACT)
    role: str = column("role", "end-user, agent or admin.")
    organization_id: int | None = column("organization_id", "Main organization.")
    is_verified: bool | None = column("verified", "Whether an address was confirmed.")
    is_suspended: bool | None = column("suspended", "Whether tickets of theirs are set aside.")
    is_active: bool | None = column("active", "False once deleted, or merged into another user.")
    is_deleted: bool | None = column(
        "_is_deleted", "Whether it was deleted.", computed="not coalesce(is_active, true)"
    )
    tags: list | None = column("tags", "Tags.")  # type: ignore[type-arg]
    user_fields: dict | None = column("user_fields", "Custom fields.")  # type: ignore[type-arg]
    created_at: datetime = column("created_at", "Created, UTC.")
    updated_at: datetime = column("updated_at", "Last change, UTC.")


class Organization(Contract):
    """One row per organization, deleted ones included."""

    id: int = column("id", "Zendesk organization id.")
    external_id: str | None = column(
        "external_id", "Product organization id, where the product sent it."
    )
    name: str = column("name", "Name.")
    domain_names: list | None = column("domain_names", "Domains whose users join it.")  # type: ignore[type-arg]
    tags: list | None = column("tags", "Tags.")  # type: ignore[type-arg]
    organization_fields: dict | None = column("organization_fields", "Custom fields.")  # type: ignore[type-arg]
    created_at: datetime = column("created_at", "Created, UTC.")
    updated_at: datetime = column("updated_at", "Last change, UTC.")
    deleted_at: datetime | None = column("deleted_at", "When it was deleted, UTC.")


class Chat(Contract):
    """One row per chat (or message left while nobody was there)."""

    id: str = column("id", "Chat id.")
    type: str = column("type", "chat, or offline_msg.")
    visitor_id: str | None = column("visitor.id", "Visitor.", pii=Pii.IDENTIFIER)
    visitor_email: str | None = column(
        "visitor.email", "Address as typed.", pii=Pii.CONTACT, about="email"
    )
    visitor_name: str | None = column("visitor.name", "Name as typed.", pii=Pii.NAME)
    visitor_phone: str | None = column("visitor.phone", "Telephone as typed.", pii=Pii.CONTACT)
    visitor_notes: str | None = column(
        "visitor.notes", "Agents' notes on the visitor.", pii=Pii.FREE_TEXT
    )
    started_by: str | None = column("started_by", "visitor, agent or trigger.")
    department: str | None = column("department_name", "Department.")
    agent_names: list | None = column("agent_names", "Agents who took part.")  # type: ignore[type-arg]
    visitor_messages: int | None = column("count.visitor", "Messages of the visitor.")
    agent_messages: int | None = column("count.agent", "Messages of agents.")
    first_response_seconds: int | None = column(
        "response_time.first", "Seconds until an agent's first message."
    )
    duration_seconds: int | None = column("duration", "Seconds it lasted.")
    is_missed: bool | None = column("missed", "Whether no agent answered.")
    rating: str | None = column("rating", "good or bad.")
    comment: str | None = column("comment", "What the visitor said to it.", pii=Pii.FREE_TEXT)
    message: str | None = column("message", "Text of an offline message.", pii=Pii.FREE_TEXT)
    history: list | None = column("history", "What was said, in order.", pii=Pii.FREE_TEXT)  # type: ignore[type-arg]
    tags: list | None = column("tags", "Tags.")  # type: ignore[type-arg]
    country_code: str | None = column("session.country_code", "Country by address of the browser.")
    ip_address: str | None = column("session.ip", "Address of the browser.", pii=Pii.IDENTIFIER)
    ticket_id: int | None = column(
        "zendesk_ticket_id", "Ticket that was made of it.", about="support_ticket_id"
    )
    is_deleted: bool | None = column("deleted", "Whether it was deleted.")
    started_at: datetime = column("timestamp", "Began, UTC.")
    updated_at: datetime = column("update_timestamp", "Last change, UTC; what the export goes by.")
