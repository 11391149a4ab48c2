"""Webhooks: rows as messages to Slack or to any URL, each at most once.

A receiver cannot be asked what it took. So it is made durable that a message leaves before it does,
and one whose answer was lost is not sent again, unless the receiver drops what it has seen
(``resend``). The URL is a secret: it is in no error and no trace.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from string import Template
from typing import Any
from urllib.parse import urlsplit

import requests

from headwater.errors import (
    CredentialError,
    DefinitionError,
    HeadwaterError,
    OutcomeUnknownError,
    RateLimitedError,
    SettingsError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.http import LONGEST_WAIT_SECONDS, ApiSession
from headwater.settings import Settings, load
from headwater.system_settings import WebhookSettings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    Interrupted,
    Operation,
    Outcome,
    RowResult,
    Value,
)

PER_SECOND = {"slack": 1, "json": 10}
"""Messages a second; Slack's limit is one."""
DIGEST_ROWS = {"slack": 10_000, "json": 500}
"""Rows of which one digest speaks: to Slack it counts all of them and lists the first."""
DIGEST_CHARACTERS = 3_500
"""Text of a digest for Slack: from 4,000 on Slack asks to make it several messages."""
DONE = {Operation.CREATE: "new", Operation.UPDATE: "changed", Operation.REMOVE: "gone"}
FATE_UNKNOWN = "FATE_UNKNOWN"
"""The code of a row whose message may or may not have arrived, and is not sent again."""
DEAD = frozenset({401, 403, 404, 410})
"""The receiver does not know the URL or the signature any more."""


def connect(definition: Definition, settings: Settings) -> WebhookDestination:
    """The destination of a definition."""
    return WebhookDestination(definition, settings)


class WebhookDestination:
    """One webhook of ``WEBHOOK_URLS``; ``object`` is its name there.

    Options: ``format`` (``json``, or ``slack``), ``message`` (``row``: one each; ``digest``: one
    for all rows of a run), ``text`` (of a row, for Slack, with ``$field``), ``resend`` (the
    receiver drops a message whose Idempotency-Key it has seen).
    """

    name = "webhook"
    capabilities = Capabilities(
        frozenset({Mode.APPEND, Mode.UPSERT, Mode.MIRROR}),
        frozenset({Removal.IGNORE, Removal.DELETE}),
        separate_operations=False,
    )

    def __init__(
        self,
        definition: Definition,
        settings: Settings,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        account = load(WebhookSettings)
        url = account.urls.get(definition.object)
        if url is None:
            raise SettingsError(
                f"WEBHOOK_URLS has no {definition.object!r}, which {definition.name} sends to.",
                next_step=f"It has: {', '.join(sorted(account.urls)) or 'none'}.",
            )
        self._url, self._signing = url, (account.secrets or {}).get(definition.object)
        self._sync, self._label = definition.name, f"webhook {definition.object}"
        self._format = _option(definition, "format", ("json", "slack"))
        self._is_digest = _option(definition, "message", ("row", "digest")) == "digest"
        self._resend = definition.options.get("resend", False) is True
        self._key = definition.key.field
        self._names = tuple(item.field for item in definition.fields)
        self._text = _template(definition, self._key)
        self._session = ApiSession(
            self._label,
            "",
            settings,
            calls_per_second=PER_SECOND[self._format],
            source="to webhook",
            refused=self._refused,
            secret_url=True,
        )
        self._now = now
        self._quiet = settings.sync_state / "webhooks" / f"{definition.name}.quiet"

    @property
    def calls(self) -> int:
        """Messages sent so far, those that were refused or put off included."""
        return self._session.calls

    def check(self) -> None:
        """A receiver cannot be asked anything: whatever it gets is a message."""

    def batch_rows(self, rows: int) -> int:
        """One row a message, or as many as a digest speaks of."""
        return DIGEST_ROWS[self._format] if self._is_digest else 1

    def least_calls(self, counts: Counts) -> int:
        """One call a message."""
        return -(-counts.total // self.batch_rows(counts.total))

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Send the batch's message, once it is durable that it leaves.

        Where it is known that the receiver did not take it, the rows stay unsent.
        """
        self._require_no_quiet()
        remember("sent")
        try:
            self._post(batch)
        except (OutcomeUnknownError, VendorRejectedError):
            raise
        except HeadwaterError as error:
            unsent = [_result(change, Outcome.UNSENT, error) for change in batch.changes]
            raise Interrupted(unsent, error) from None
        return [RowResult(change.key, Outcome.DELIVERED) for change in batch.changes]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Unsent if it never left; else sent again where the receiver drops what it has seen, and
        counted as delivered where not: nobody is told twice."""
        if batch.handle is None:
            return [RowResult(change.key, Outcome.UNSENT) for change in batch.changes]
        if batch.changes and self._resend:
            self._require_no_quiet()
            self._post(batch)
            return [RowResult(change.key, Outcome.DELIVERED) for change in batch.changes]
        return [
            RowResult(
                change.key,
                Outcome.DELIVERED,
                code=FATE_UNKNOWN,
                message="No answer came. It may not have arrived, and is not sent again.",
            )
            for change in batch.changes
        ]

    def _post(self, batch: Batch) -> None:
        body = json.dumps(self._body(batch), ensure_ascii=False, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": hashlib.md5(
                f"{self._sync}|{batch.batch_id}".encode(), usedforsecurity=False
            ).hexdigest(),
        }
        if not self._is_digest:
            headers["Headwater-Token"] = batch.changes[0].token
        if self._signing is not None:
            at = int(self._now())
            signature = hmac.new(
                self._signing.get_secret_value().encode(), f"{at}.".encode() + body, hashlib.sha256
            )
            headers["Headwater-Signature"] = f"t={at},v1={signature.hexdigest()}"
        error = self._call(body, headers)
        if error is not None:
            raise error

    def _call(self, body: bytes, headers: dict[str, str]) -> HeadwaterError | None:
        """Make the call; returns its error, that has the URL neither in it nor as a cause."""
        try:
            answer = self._session.call(
                "POST",
                self._url.get_secret_value(),
                data=body,
                headers=headers,
                allow_redirects=False,
            )
        except HeadwaterError as error:
            return self._without_url(error)
        if answer.is_redirect:
            return CredentialError(
                f"{self._label}: it answers with a redirection ({answer.status_code}).",
                next_step="Write the address it moved to into WEBHOOK_URLS.",
            )
        return None

    def _refused(self, response: requests.Response) -> HeadwaterError | None:
        status = response.status_code
        said = response.text[:500]
        wait = response.headers.get("Retry-After", "")
        seconds = float(wait) if wait.isdecimal() else 0.0
        if status in (429, 503) and seconds > LONGEST_WAIT_SECONDS:
            self._be_quiet(seconds)
            return VendorUnavailableError(
                f"{self._label}: {status}, to be left alone for {seconds:g} seconds.",
                next_step="The rows stay owed, and no call is made until then.",
            )
        if status == 503:
            return VendorUnavailableError(f"{self._label}: not taken (503): {said}")
        if status in DEAD:
            return CredentialError(
                f"{self._label}: {status}: {said}",
                next_step="Check its URL in WEBHOOK_URLS, and its secret in WEBHOOK_SECRETS: the "
                "receiver does not know it (any more).",
            )
        return None

    def _without_url(self, error: HeadwaterError) -> HeadwaterError:
        url = self._url.get_secret_value()
        what = error.what.replace(url, "(url)")
        if len(path := urlsplit(url).path) > 1:
            what = what.replace(path, "(url)")
        if isinstance(error, VendorRejectedError):
            return VendorRejectedError(what, next_step=error.next_step, status=error.status)
        return type(error)(what, next_step=error.next_step)

    def _be_quiet(self, seconds: float) -> None:
        self._quiet.parent.mkdir(parents=True, exist_ok=True)
        self._quiet.write_text(str(self._now() + seconds), encoding="utf-8")

    def _require_no_quiet(self) -> None:
        """Raise while the receiver wants to be left alone, as it said to this or another run."""
        try:
            left = float(self._quiet.read_text(encoding="utf-8")) - self._now()
        except (FileNotFoundError, ValueError):
            return
        if left > 0:
            raise RateLimitedError(
                f"{self._label} wants to be left alone for {left:.0f} seconds more.",
                next_step="The rows stay owed and go out with a run after that.",
                retry_after=left,
            )

    def _body(self, batch: Batch) -> dict[str, Any]:
        if self._format == "slack":
            return {"text": self._slack_text(batch.changes)}
        return {
            "sync": self._sync,
            "rows": [
                {
                    "operation": str(change.operation),
                    "key": change.key,
                    "token": change.token,
                    "fields": dict(_fields(change)),
                    "changed": sorted(change.fields),
                }
                for change in batch.changes
            ],
        }

    def _slack_text(self, changes: Sequence[Change]) -> str:
        if not self._is_digest:
            return self._line(changes[0])
        counts = Counter(change.operation for change in changes)
        parts = [f"{counts[each]:,} {word}" for each, word in DONE.items() if counts[each]]
        text = f"*{_escaped(self._sync)}*: {', '.join(parts)}"
        for number, change in enumerate(changes):
            line = f"\n• {DONE[change.operation]}: {self._line(change)}"
            if len(text) + len(line) > DIGEST_CHARACTERS:
                return f"{text}\n… and {len(changes) - number:,} more"
            text += line
        return text

    def _line(self, change: Change) -> str:
        if change.operation is Operation.REMOVE:
            return _escaped(change.key)
        # A field that is null is not there in a row to create.
        values = {**dict.fromkeys(self._names), self._key: change.key, **_fields(change)}
        return self._text.substitute(
            {name: _escaped("" if value is None else str(value)) for name, value in values.items()}
        )


def _fields(change: Change) -> Mapping[str, Value]:
    """All fields of a row as they are now; what is known of one that is gone."""
    return change.whole if change.operation is Operation.UPDATE else change.fields


def _escaped(text: str) -> str:
    """Text in which Slack sees no link, mention or mark-up of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _result(change: Change, outcome: Outcome, error: HeadwaterError) -> RowResult:
    return RowResult(change.key, outcome, code=type(error).__name__, message=error.what)


def _option(definition: Definition, name: str, allowed: tuple[str, ...]) -> str:
    """An option of the definition, the first allowed one if it is not there."""
    said = str(definition.options.get(name, allowed[0]))
    if said not in allowed:
        raise DefinitionError(
            f"{definition.name}.yml: options.{name}: {said!r} is not known.",
            next_step=f"Write one of: {', '.join(allowed)}.",
        )
    return said


def _template(definition: Definition, key: str) -> Template:
    """The text of a row: the option, or all fields by name."""
    names = [key, *(item.field for item in definition.fields)]
    said = definition.options.get("text")
    if said is None:
        return Template(", ".join(f"{name}: ${{{name}}}" for name in names))
    template = Template(str(said))
    valid = template.is_valid()
    unknown = sorted(set(template.get_identifiers()) - set(names)) if valid else ["no field at a $"]
    if unknown:
        raise DefinitionError(
            f"{definition.name}.yml: options.text names {', '.join(unknown)}.",
            next_step=f"Write $field, with one of: {', '.join(names)}; $$ is a dollar sign.",
        )
    return template
