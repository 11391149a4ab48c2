"""An extraction of Marketo that is cut off at any call ends with the same rows as an undisturbed
one, and fetches no finished page again."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import requests

from connectors.marketo.client import MarketoClient
from connectors.run import StreamsToRetryError
from headwater.errors import VendorUnavailableError
from headwater.settings import Settings
from tests.connectors.conftest import Served
from tests.connectors.test_marketo import AS_OF, activity, environment, lead, rows, run, settings

__all__ = ["environment", "settings"]
LATER = AS_OF + timedelta(hours=2)
AFTER = LATER + timedelta(hours=1)


def seed_first(environment: Served) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(number) for number in range(1, 11)])
    program = {"id": 7, "name": "Webinar", "createdAt": "2025-06-03T00:00:00Z+0000"}
    store.seed("programs", [{**program, "updatedAt": "2025-06-03T00:00:00Z+0000"}])
    member = {"programId": 7, "membershipDate": "2025-06-04T00:00:00Z"}
    store.seed(
        "program_members",
        [{**member, "leadId": number, "statusName": "Invited"} for number in range(1, 11)],
    )


def seed_second(environment: Served) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(number, LATER, title="CTO") for number in range(3, 951)])
    for gone in (1, 2):
        store.leads.delete(gone)
    store.members.delete("0000000007/0000000001")
    log = [activity(number, 12, LATER, leadId=number) for number in range(3, 951)]
    about = {"primaryAttributeValueId": 7, "leadId": 1}
    log += [activity(2000, 37, LATER, leadId=1), activity(2001, 104, LATER, **about)]
    log += [activity(2002, 32, LATER, leadId=3, attributes=[{"name": "Merge IDs", "value": "[2]"}])]
    store.seed("activities", log)


def tables(settings: Settings) -> list[list[tuple[Any, ...]]]:
    columns = {
        "leads": "id, title, _deleted_at is null",
        "activities": "marketo_guid",
        "program_members": "lead_id, status, _deleted_at is null",
        "lead_merges": "winner_id, loser_ids",
    }
    return [
        rows(settings, f"select {names} from raw_marketo.{table} order by 1")
        for table, names in columns.items()
    ]


class Outage:
    """Breaks the ``at``-th call and counts the pages that arrived."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0
        self.arrived: Counter[str] = Counter()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        send = MarketoClient.send

        def breaking(
            client: MarketoClient, method: str, path: str, *args: Any, **kwargs: Any
        ) -> Any:
            self.calls += 1
            if self.calls == self.at:
                raise VendorUnavailableError("the power is gone")
            response: requests.Response = send(client, method, path, *args, **kwargs)
            place = kwargs.get("params", {})
            self.arrived[f"{path} {sorted(place.items())}"] += 1
            return response

        patch.setattr(MarketoClient, "send", breaking)


STREAMS = ("leads", "activities", "program_members", "lead_merges")


def disturbed(environment: Served, settings: Settings, stream: str, as_of: Any, at: int) -> bool:
    """Run a stream with an outage at a call, and again; whether the outage came."""
    outage = Outage(3 + at)  # behind the check's calls
    with pytest.MonkeyPatch.context() as patch:
        outage.install(patch)
        try:
            run(settings, stream, as_of=as_of)
        except StreamsToRetryError:
            run(settings, stream, as_of=as_of)
    pages = {place: n for place, n in outage.arrived.items() if "nextPageToken" in place}
    assert all(count == 1 for count in pages.values()), outage.arrived
    return outage.calls > outage.at


def test_an_outage_at_any_call_changes_nothing(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETO_START", "2025-08-01")
    environment.stores["marketo"].calls_per_20_seconds.limit = 10_000
    seed_first(environment)
    run(settings, *STREAMS)
    homes = [settings.home.with_name(f"cut-at-{at}") for at in (2, 4, 7)]
    for home in homes:
        shutil.copytree(settings.home, home)
    seed_second(environment)
    run(settings, *STREAMS, as_of=AFTER)
    expected = tables(settings)
    assert len(expected[0]) == 950
    for at, home in zip((2, 4, 7), homes, strict=True):
        other = settings.model_copy(update={"home": home})
        came = [disturbed(environment, other, stream, AFTER, at) for stream in STREAMS]
        assert any(came)
        assert tables(other) == expected
