"""What the local receivers keep: the messages they took."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow


class Store:
    """Messages in the order of their coming: ``{"receiver", "body", "headers"}``.

    ``slack_calls``: Slack takes about one message a second, short bursts allowed.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "webhook" / "webhook.sqlite")
        self.messages = Documents(self.db, "messages", integer_keys=True)
        self.seen = Documents(self.db, "seen")
        self.slack_calls = RateWindow(5, 5, clock)

    def seed(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Nothing can be seeded: messages come from outside."""
        del rows
        raise KeyError(table)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All ``messages``."""
        if table != "messages":
            raise KeyError(table)
        return self.messages.select()

    def take(self, receiver: str, body: Any, headers: dict[str, str]) -> None:
        """Keep a message."""
        with self.db.transaction():
            key = self.messages.next_key()
            self.messages.put(key, {"receiver": receiver, "body": body, "headers": headers})
