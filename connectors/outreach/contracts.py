"""What Outreach delivers: JSON:API resource objects."""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Contract, Pii, column


class Prospect(Contract):
    """One row per prospect."""

    id: int = column("id", "Outreach id.", pii=Pii.IDENTIFIER, about="outreach_prospect_id")
    emails: list | None = column("attributes.emails", "Addresses.", pii=Pii.CONTACT, about="email")  # type: ignore[type-arg]
    first_name: str | None = column("attributes.firstName", "First name.", pii=Pii.NAME)
    last_name: str | None = column("attributes.lastName", "Last name.", pii=Pii.NAME)
    title: str | None = column("attributes.title", "Title.")
    company: str | None = column("attributes.company", "Company as typed.")
    external_id: str | None = column(
        "attributes.externalId",
        "Id given by whoever made the prospect; the person key where Headwater did.",
        pii=Pii.IDENTIFIER,
        about="person_key",
    )
    external_source: str | None = column("attributes.externalSource", "Who gave that id.")
    tags: list | None = column("attributes.tags", "Tags.")  # type: ignore[type-arg]
    opted_out: bool | None = column("attributes.optedOut", "Opted out of everything.")
    email_opted_out: bool | None = column("attributes.emailOptedOut", "Opted out of mail.")
    account_id: int | None = column("relationships.account.data.id", "Outreach account.")
    owner_id: int | None = column("relationships.owner.data.id", "Outreach user who owns it.")
    stage_id: int | None = column("relationships.stage.data.id", "Stage.")
    created_at: datetime = column("attributes.createdAt", "Created, UTC.")
    updated_at: datetime = column("attributes.updatedAt", "Last change, UTC; the cursor.")
    trashed_at: datetime | None = column("attributes.trashedAt", "When it was put in the trash.")


class ProspectId(Contract):
    """One row per prospect that was ever listed; gone once the listing lacks it."""

    id: int = column("id", "Outreach id.", pii=Pii.IDENTIFIER, about="outreach_prospect_id")


class Mailing(Contract):
    """One row per mail to a prospect, scheduled, sent or failed."""

    id: int = column("id", "Outreach id.")
    state: str | None = column(
        "attributes.state", "bounced, delivered, delivering, drafted, failed, opened, ..."
    )
    mailing_type: str | None = column("attributes.mailingType", "sequence, single, campaign, ...")
    subject: str | None = column("attributes.subject", "Subject line.", pii=Pii.FREE_TEXT)
    scheduled_at: datetime | None = column("attributes.scheduledAt", "To be sent at, UTC.")
    delivered_at: datetime | None = column("attributes.deliveredAt", "Delivered, UTC.")
    opened_at: datetime | None = column("attributes.openedAt", "Last opened, UTC.")
    open_count: int | None = column("attributes.openCount", "Times opened.")
    clicked_at: datetime | None = column("attributes.clickedAt", "Last clicked, UTC.")
    click_count: int | None = column("attributes.clickCount", "Times a link was clicked.")
    replied_at: datetime | None = column("attributes.repliedAt", "Replied, UTC.")
    bounced_at: datetime | None = column("attributes.bouncedAt", "Bounced, UTC.")
    unsubscribed_at: datetime | None = column(
        "attributes.unsubscribedAt", "Unsubscribed by this mail, UTC."
    )
    prospect_id: int | None = column(
        "relationships.prospect.data.id",
        "To whom.",
        pii=Pii.IDENTIFIER,
        about="outreach_prospect_id",
    )
    sequence_id: int | None = column("relationships.sequence.data.id", "In which sequence.")
    sequence_state_id: int | None = column(
        "relationships.sequenceState.data.id", "In which run of the sequence."
    )
    mailbox_id: int | None = column("relationships.mailbox.data.id", "From which mailbox.")
    task_id: int | None = column("relationships.task.data.id", "By which task.")
    created_at: datetime = column("attributes.createdAt", "Created, UTC.")
    updated_at: datetime = column("attributes.updatedAt", "Last change, UTC; the cursor.")


class Task(Contract):
    """One row per task of a rep, Headwater's own included."""

    id: int = column("id", "Outreach id.")
    action: str | None = column("attributes.action", "action_item, call, email or in_person.")
    state: str | None = column("attributes.state", "incomplete, pending, complete, ...")
    task_type: str | None = column("attributes.taskType", "manual, sequence_step_call, ...")
    note: str | None = column("attributes.note", "What to do.", pii=Pii.FREE_TEXT)
    due_at: datetime | None = column("attributes.dueAt", "Due, UTC.")
    completed: bool | None = column("attributes.completed", "Whether it is done.")
    completed_at: datetime | None = column("attributes.completedAt", "Done, UTC.")
    prospect_id: int | None = column(
        "relationships.prospect.data.id",
        "About whom.",
        pii=Pii.IDENTIFIER,
        about="outreach_prospect_id",
    )
    account_id: int | None = column("relationships.account.data.id", "About which account.")
    owner_id: int | None = column("relationships.owner.data.id", "Outreach user who does it.")
    created_at: datetime = column("attributes.createdAt", "Created, UTC.")
    updated_at: datetime = column("attributes.updatedAt", "Last change, UTC; the cursor.")


class Sequence(Contract):
    """One row per sequence of mails and tasks."""

    id: int = column("id", "Outreach id.")
    name: str | None = column("attributes.name", "Name.")
    enabled: bool | None = column("attributes.enabled", "Whether it runs.")
    sequence_type: str | None = column("attributes.sequenceType", "date or interval.")
    owner_id: int | None = column("relationships.owner.data.id", "Outreach user who owns it.")
    created_at: datetime = column("attributes.createdAt", "Created, UTC.")
    updated_at: datetime = column("attributes.updatedAt", "Last change, UTC; the cursor.")


class SequenceState(Contract):
    """One row per run of a prospect through a sequence."""

    id: int = column("id", "Outreach id.")
    state: str | None = column(
        "attributes.state",
        "active, pending, paused, finished, failed, bounced, opted_out or disabled.",
    )
    error_reason: str | None = column("attributes.errorReason", "Why it failed.")
    active_at: datetime | None = column("attributes.activeAt", "Last active, UTC.")
    state_changed_at: datetime | None = column("attributes.stateChangedAt", "State set, UTC.")
    prospect_id: int | None = column(
        "relationships.prospect.data.id",
        "Who is in it.",
        pii=Pii.IDENTIFIER,
        about="outreach_prospect_id",
    )
    sequence_id: int | None = column("relationships.sequence.data.id", "In which sequence.")
    mailbox_id: int | None = column("relationships.mailbox.data.id", "From which mailbox.")
    account_id: int | None = column("relationships.account.data.id", "Of which account.")
    created_at: datetime = column("attributes.createdAt", "Created, UTC.")
    updated_at: datetime = column("attributes.updatedAt", "Last change, UTC; the cursor.")
