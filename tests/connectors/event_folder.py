"""A folder of files of events, and messages of Segment's spec to fill it with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOON = datetime(2025, 8, 28, 12, tzinfo=UTC)


def message(number: int, *, at: datetime = NOON, **fields: Any) -> dict[str, Any]:
    """A page view."""
    return {
        "messageId": f"m-{number}",
        "type": "page",
        "anonymousId": "a-1",
        "timestamp": at.isoformat(),
        "receivedAt": (at + timedelta(seconds=2)).isoformat(),
        **fields,
    }


def lines(*messages: dict[str, Any] | str) -> bytes:
    """Messages as newline-delimited JSON; text as it is."""
    texts = (item if isinstance(item, str) else json.dumps(item) for item in messages)
    return "".join(f"{text}\n" for text in texts).encode()


def numbered(numbers: Iterable[int]) -> bytes:
    """The lines of page views with these numbers."""
    return lines(*(message(number) for number in numbers))


class Folder:
    """A folder whose files get a minute younger with each write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir()
        self._time = NOON

    def write(self, name: str, content: bytes, at: datetime | None = None) -> None:
        """Write a file; ``at`` is when it was last changed."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self._time += timedelta(minutes=1)
        moment = (at or self._time).timestamp()
        os.utime(file, (moment, moment))
