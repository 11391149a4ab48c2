"""The website's own server: what it tells about visitors, as files of Segment's spec by day.

A second surface beside the product's clickstream: readers of articles, forms that were sent, and
who became a user. One server's clock was fast for two months, messages are sometimes sent again or
late, an old release sends a name that nobody planned, and some lines were cut off.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sandbox.company.agents import FormFill, ProductLife, User
from sandbox.company.dice import Dice
from sandbox.company.timeline import ALL_DAYS, HORIZON, HOUR, MINUTE, SECOND, START, day

ARTICLES = ("lunch-for-hybrid-teams", "budget-rules", "allergies-in-group-orders", "office-days")
FAST_SERVER, FAST_SINCE, FAST_UNTIL, FAST_BY = "web-2", 60.0, 120.0, 47 * MINUTE
SERVERS = ("web-1", FAST_SERVER, "web-3")
READERS, USERS = 0.15, 0.2
"""Shares of users that are seen reading an article, and becoming known to the website."""
FORMS = {"demo": "Demo Requested", "newsletter": "Newsletter Confirmed"}
UNPLANNED = "Articles Read"
PLANTED = ("late", "repeated", "unplanned", "wrong_type", "cut_off")


@dataclass(frozen=True)
class Line:
    """A line of a file: when the collector got it (days), what it is known by, and its text."""

    received: float
    message_id: str
    text: str
    planted: str | None = None


@dataclass
class EventFiles:
    """All lines that the website's collector ever writes, in no particular order."""

    lines: list[Line] = field(default_factory=list)

    def files(self, start: float, end: float) -> Iterator[tuple[str, bytes]]:
        """The files of the days in [start, end), by name: one for each day with a line."""
        by_day: dict[int, list[Line]] = {}
        for line in self.lines:
            if start <= line.received < end:
                by_day.setdefault(int(line.received // 1), []).append(line)
        for number in sorted(by_day):
            lines = sorted(by_day[number], key=lambda line: (line.received, line.message_id))
            text = "".join(f"{line.text}\n" for line in lines)
            name = f"website/{day(number):%Y/%m/%d}.ndjson.gz"
            yield name, gzip.compress(text.encode(), mtime=0)

    def counts(self, end: float) -> dict[str, int]:
        """How many lines were written before ``end`` days, and how many of each planted kind."""
        written = [line for line in self.lines if line.received < end]
        kinds = {kind: sum(line.planted == kind for line in written) for kind in PLANTED}
        return {"line": len(written), **kinds}


def simulate(life: ProductLife, seed: int) -> EventFiles:
    """Everything the website tells of the people in ``life``."""
    writer = _Writer(seed)
    for user in life.users:
        writer.reader(user)
    for form in life.forms:
        writer.form(form)
    creators = {organization.creator: organization.id for organization in life.organizations}
    for user in life.users:
        writer.signed_up(user, creators.get(user))
    return EventFiles(writer.lines)


class _Writer:
    """Writes messages, each with the clock of the server that sent it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._dice = Dice(seed, "event files")
        self.lines: list[Line] = []

    def reader(self, user: User) -> None:
        """Somebody who read an article in the days before signing up."""
        dice = self._dice
        if not dice.chance(READERS) or user.is_staff:
            return
        t = user.created - dice.between(0.1, 8)
        article = dice.pick(ARTICLES)
        who = {"anonymousId": user.device.id}
        page = {"url": f"https://groupgrub.com/blog/{article}", "path": f"/blog/{article}"}
        self._send(t, {"type": "page", "name": "Article", **who, "context": {"page": page}})
        t += dice.between(0.3, 6) * MINUTE
        seconds: object = dice.integer(10, 400)
        draw = dice.u()
        event = UNPLANNED if draw < 0.03 else "Article Read"
        planted = "unplanned" if draw < 0.03 else None
        if 0.03 <= draw < 0.06:
            seconds, planted = f"{seconds} s", "wrong_type"
        properties = {"article": article, "seconds": seconds}
        body = {"type": "track", "event": event, "properties": properties, **who}
        self._send(t, {**body, "context": {"page": page}}, planted)

    def form(self, form: FormFill) -> None:
        """A form that was sent; who subscribes to the newsletter confirms it by mail."""
        dice = self._dice
        t = form.t + (dice.exponential(3 * HOUR) if form.kind == "newsletter" else 5 * SECOND)
        who = {"anonymousId": form.device.id}
        self._send(t, {"type": "identify", **who, "traits": {"email": form.email}})
        if form.kind == "newsletter" and dice.chance(0.2):
            return
        properties = {"email": form.email, "form_id": f"{form.kind}-{dice.integer(1, 3)}"}
        event = FORMS[form.kind]
        self._send(t + SECOND, {"type": "track", "event": event, "properties": properties, **who})

    def signed_up(self, user: User, organization_id: int | None) -> None:
        """Somebody the website knew became a user."""
        if not self._dice.chance(USERS) or not user.sends_device or user.is_staff:
            return
        who = {"userId": str(user.id), "anonymousId": user.device.id}
        self._send(user.created, {"type": "identify", **who, "traits": {"email": user.email}})
        if organization_id is not None:
            t = user.created + 4 * MINUTE
            self._send(t, {"type": "group", **who, "groupId": str(organization_id)})

    def _send(self, t: float, body: dict[str, Any], planted: str | None = None) -> None:
        dice = self._dice
        if not 0 <= t < min(HORIZON, ALL_DAYS):
            return
        server = dice.pick(SERVERS)
        is_fast = server == FAST_SERVER and FAST_SINCE <= t < FAST_UNTIL
        clock = FAST_BY if is_fast else 0.0
        waited = dice.between(0.1, 3) * SECOND
        draw = dice.u()
        if draw < 0.01:
            waited, planted = dice.between(0.5, 2), planted or "late"
        received = t + waited + dice.between(0.05, 0.4) * SECOND
        number = f"{self._seed}:{len(self.lines)}"
        message_id = f"web-{hashlib.md5(number.encode()).hexdigest()[:24]}"
        context = {"library": {"name": "groupgrub-web", "version": "2.3.0"}, "ip": "203.0.113.7"}
        message = {
            "messageId": message_id,
            **body,
            "context": {**context, **body.get("context", {})},
            "channel": "server",
            "originalTimestamp": _iso(t + clock),
            "sentAt": _iso(t + waited + clock),
            "receivedAt": _iso(received),
        }
        text = json.dumps(message, separators=(",", ":"))
        if 0.01 <= draw < 0.014:
            text, planted = text[: len(text) * 3 // 5], "cut_off"
        self.lines.append(Line(received, message_id, text, planted))
        if 0.02 <= draw < 0.03 and planted is None:
            again = received + dice.between(1, 20) * MINUTE
            text = json.dumps({**message, "receivedAt": _iso(again)}, separators=(",", ":"))
            self.lines.append(Line(again, message_id, text, "repeated"))


def _iso(t: float) -> str:
    """The moment with milliseconds, as the spec writes it."""
    return (START + timedelta(days=t)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
