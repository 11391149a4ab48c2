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

import requests

LONGEST = 20_000
"""Characters of a body that are kept."""
_SECRET = re.compile(
    r'("?(?:access_token|refresh_token|client_secret|client_assertion|password|assertion)"?'
    r'\s*[=:]\s*"?)[^"&,}\s]+'
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
    method: str, url: str, options: Mapping[str, Any], answer: requests.Response | None
) -> None:
    """Keep a call if somebody records; ``options`` are those that the session was called with."""
    exchanges = _recording.get()
    if exchanges is None:
        return
    full = answer.request.url if answer is not None and answer.request.url else url
    text = "" if answer is None or options.get("stream") else answer.text
    exchanges.append(
        Exchange(
            method.upper(),
            covered(full),
            covered(_body(options)),
            None if answer is None else answer.status_code,
            covered(text),
        )
    )


def covered(text: str) -> str:
    """The text, cut to ``LONGEST``, with the values of known secrets covered."""
    return _SECRET.sub(r"\1***", text[:LONGEST])


def _body(options: Mapping[str, Any]) -> str:
    if options.get("json") is not None:
        return json.dumps(options["json"], ensure_ascii=False)
    data = options.get("data")
    if isinstance(data, bytes):
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        return data.decode("utf-8", errors="replace")
    if isinstance(data, Mapping):
        return "&".join(f"{name}={value}" for name, value in data.items())
    return "" if data is None else str(data)
