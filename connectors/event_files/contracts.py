"""What files of events hold: the fields of Segment's spec.

https://segment.com/docs/connections/spec/common/
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.contract import Contract, Pii, column

HAPPENED = """
    case
        when received_at is not null and sent_at is not null and original_timestamp is not null
        then received_at - greatest(sent_at - original_timestamp, interval 0 second)
        else coalesce(event_at, original_timestamp, received_at)
    end
"""
"""The spec's correction of clocks: how long ago the sender says it was, counted back from when the
collector got it. Nothing happened after it was received, so a difference below zero (a clock that
was set between the event and its sending) counts as none."""


class Event(Contract):
    """One row per message, by messageId."""

    message_id: str = column("messageId", "The sender's id of the message.")
    type: str = column("type", "track, identify, page, screen, group or alias.")
    event: str | None = column("event", "Event name of a track, Object Action in the past tense.")
    event_at: datetime = column(
        "timestamp", "When it happened, corrected for the sender's clock, UTC.", computed=HAPPENED
    )
    original_timestamp: datetime | None = column(
        "originalTimestamp", "When it happened by the sender's clock, UTC."
    )
    sent_at: datetime | None = column("sentAt", "When it was sent by the sender's clock, UTC.")
    received_at: datetime | None = column("receivedAt", "When the collector got it, UTC.")
    user_id: str | None = column(
        "userId", "Product user id once known.", pii=Pii.IDENTIFIER, about="user_id"
    )
    anonymous_id: str | None = column(
        "anonymousId", "Anonymous id of the device.", pii=Pii.IDENTIFIER, about="anonymous_id"
    )
    previous_id: str | None = column(
        "previousId",
        "The id that an alias replaces.",
        pii=Pii.IDENTIFIER,
        about=("user_id", "anonymous_id"),
    )
    group_id: str | None = column("groupId", "The group a group call puts the person into.")
    context_group_id: str | None = column("context.groupId", "The group acted in.")
    name: str | None = column("name", "Name of a page or screen.")
    category: str | None = column("category", "Category of a page or screen.")
    properties: dict[str, Any] | None = column(
        "properties", "Properties of a track, page or screen.", pii=Pii.FREE_TEXT
    )
    traits: dict[str, Any] | None = column(
        "traits",
        "What an identify or group says of the person or group.",
        pii=Pii.CONTACT,
        about="email",
    )
    channel: str | None = column("channel", "server, browser or mobile.")
    page_url: str | None = column("context.page.url", "Page.")
    page_path: str | None = column("context.page.path", "Path of the page.")
    page_title: str | None = column("context.page.title", "Title of the page.")
    page_search: str | None = column("context.page.search", "Query of the page.")
    referrer: str | None = column("context.page.referrer", "Page before.")
    utm_source: str | None = column("context.campaign.source", "Campaign source.")
    utm_medium: str | None = column("context.campaign.medium", "Campaign medium.")
    utm_campaign: str | None = column("context.campaign.name", "Campaign name.")
    utm_term: str | None = column("context.campaign.term", "Campaign term.")
    utm_content: str | None = column("context.campaign.content", "Campaign content.")
    user_agent: str | None = column("context.userAgent", "Browser or bot name.")
    ip: str | None = column("context.ip", "Address of the sender.", pii=Pii.IDENTIFIER)
    locale: str | None = column("context.locale", "Language and country.")
    timezone: str | None = column("context.timezone", "Time zone of the sender, an IANA name.")
    library_name: str | None = column("context.library.name", "Library that sent it.")
    library_version: str | None = column("context.library.version", "Its version.")
    context_traits: dict[str, Any] | None = column(
        "context.traits",
        "What is known of the person at that time.",
        pii=Pii.CONTACT,
        about="email",
    )
    app: dict[str, Any] | None = column("context.app", "The app: name, version, build.")
    device: dict[str, Any] | None = column("context.device", "The device.", pii=Pii.IDENTIFIER)
    os: dict[str, Any] | None = column("context.os", "The operating system: name, version.")
    network: dict[str, Any] | None = column("context.network", "How the device was connected.")
    screen: dict[str, Any] | None = column("context.screen", "Size of the screen.")
    location: dict[str, Any] | None = column(
        "context.location", "Where the sender was.", pii=Pii.FREE_TEXT
    )
    source_file: str | None = column("_file", "The file it was read from, below the location.")
