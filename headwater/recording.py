"""Records the calls of HTTP sessions for a person who wants to see them: request and answer.

Headers are left out, and secrets in bodies are covered: what is recorded is made to be shown.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

LONGEST = 20_000
"""Characters of a body that are kept."""
_NAMES = "access_token|refresh_token|client_secret|client_assertion|password|assertion"
_SECRET = re.compile(
    rf'("(?:{_NAMES})"\s*:\s*")(?:[^"\\]|\\.)*'  # of JSON, to the end of the text
    rf'|((?:{_NAMES})\s*[=:]\s*)[^"&\s][^&\s]*'  # of a form or an address
)


@dataclass(frozen=True)
class Exchange:
    """One call and its answer; ``status`` is None where no answer came."""

    method: str
    url: str
    sent: str
    status: int | None
    answered: str


_recording: ContextVar[list[Exchange] | None] = ContextVar("recording", default=None)


@contextmanager
def recorded() -> Iterator[list[Exchange]]:
    """Record the calls made by this thread within the block."""
    exchanges: list[Exchange] = []
    token = _recording.set(exchanges)
    try:
        yield exchanges
    finally:
        _recording.reset(token)


def note(
    method: str,
    url: str,
    options: Mapping[str, Any],
    answer: requests.Response | None,
    *,
    shown_as: str | None = None,
) -> None:
    """Keep a call if somebody records; ``options`` are those that the session was called with.

    ``shown_as`` stands in the place of a URL that is a secret itself.
    """
    exchanges = _recording.get()
    if exchanges is None:
        return
    asked = answer.request.url if answer is not None and answer.request.url else url
    text = "" if answer is None or options.get("stream") else answer.text
    exchanges.append(
        Exchange(
            method.upper(),
            shown_as or covered(asked),
            covered(_body(options)),
            None if answer is None else answer.status_code,
            covered(text),
        )
    )


def covered(text: str) -> str:
    """The text, cut to ``LONGEST``, with the values of known secrets covered."""
    return _SECRET.sub(lambda found: f"{found[1] or found[2]}***", text[:LONGEST])


def _body(options: Mapping[str, Any]) -> str:
    if options.get("json") is not None:
        return json.dumps(options["json"], ensure_ascii=False)
    data = options.get("data")
    if isinstance(data, bytes):
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        return data.decode("utf-8", errors="replace")
    if isinstance(data, Mapping):
        return urlencode(data, safe="@:,/")
    return "" if data is None else str(data)
