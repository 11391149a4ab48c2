"""What the Mixpanel raw export delivers."""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Clock, Contract, Pii, column


class Event(Contract):
    """One row per event, by (event, distinct_id, time, insert_id)."""

    event: str = column("event", "Event name, Object Action in the past tense.")
    event_at: datetime = column(
        "properties.time",
        "When it happened; the project's clock in epoch seconds, made UTC.",
        clock=Clock.EPOCH_SECONDS,
    )
    distinct_id: str = column(
        "properties.distinct_id",
        "Actor at that time.",
        pii=Pii.IDENTIFIER,
        about=("user_id", "anonymous_id"),
    )
    insert_id: str = column("properties.$insert_id", "The sender's id of the event.")
    device_id: str | None = column(
        "properties.$device_id",
        "Anonymous id of the device.",
        pii=Pii.IDENTIFIER,
        about="anonymous_id",
    )
    user_id: str | None = column(
        "properties.$user_id",
        "Product user id once signed in.",
        pii=Pii.IDENTIFIER,
        about="user_id",
    )
    processed_at_ms: int | None = column(
        "properties.mp_processing_time_ms", "When Mixpanel stored it, UTC epoch milliseconds."
    )
    workspace_id: int | None = column("properties.workspace_id", "Workspace acted in.")
    platform: str | None = column("properties.platform", "web, ios or android.")
    environment: str | None = column("properties.environment", "production, staging or dev.")
    user_agent: str | None = column("properties.user_agent", "Browser or bot name.")
    current_url: str | None = column("properties.$current_url", "Page.")
    utm_source: str | None = column("properties.utm_source", "Campaign source.")
    utm_medium: str | None = column("properties.utm_medium", "Campaign medium.")
    utm_campaign: str | None = column("properties.utm_campaign", "Campaign name.")
    email: str | None = column(
        "properties.email",
        "Address typed into a newsletter or demo form.",
        pii=Pii.CONTACT,
        about="email",
    )
