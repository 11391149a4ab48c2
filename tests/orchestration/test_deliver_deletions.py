"""What erasures queued, delivered to vendors: durable, asked for again, and never by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headwater.erasures import Erasure, begin_erasure, erasures, write_erasure
from headwater.errors import RetryableError
from headwater.vendor_deletions import Answer, Outcome
from orchestration import deliver_deletions as delivering
from orchestration.cli import app
from orchestration.deliver_deletions import deliver_deletions
from orchestration.terminal import user
from orchestration.vendor_records import NAMES, at_vendors
from tests.sandbox.conftest import Served, served  # noqa: F401 (fixture)
from tests.syncs.test_deletions import contact
from tests.syncs.world import World

NODES = {
    "email:ann@x.io": "email",
    "hubspot_contact_id:51": "hubspot_contact_id",
    "hubspot_contact_id:52": "hubspot_contact_id",
    "support_user_id:9": "support_user_id",
}


@pytest.fixture
def world(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:  # noqa: F811
    world = World(served, tmp_path, monkeypatch)
    monkeypatch.setenv("HEADWATER_HOME", str(world.settings.home))
    monkeypatch.setenv("HEADWATER_HTTP_RETRIES", "0")
    world.served.stores["hubspot"].seed("contacts", [contact(n) for n in (51, 52, 53)])
    return world


def queued(world: World) -> Erasure:
    """An erasure that was cut off, went on when the graph was gone, and finished."""
    zone, now = world.settings.landing_zone, world.clock.now()
    for nodes in (NODES, {"email:ann@x.io": "email"}):
        erasure = begin_erasure(
            zone, nodes, now, "me", email="ann@x.io", at_vendors=at_vendors(nodes)
        )
    write_erasure(zone, erasure.model_copy(update={"finished_at": now}))
    return erasure


def kept(world: World) -> str:
    return "".join(path.read_text() for path in world.settings.landing_zone.rglob("*.json"))


def privacy(*arguments: str, **options: Any) -> Any:
    return CliRunner().invoke(app, ["privacy", *arguments], **options)


def test_what_is_queued_is_shown_asked_for_only_on_request_and_kept_without_ids_when_done(
    world: World,
) -> None:
    erasure = queued(world)
    assert [deletion.record_id for deletion in erasure.owed] == ["51", "52", "9"]
    assert "@" not in kept(world)
    shown = privacy("erasures")
    assert "3 of 3 owed" in shown.output and "HubSpot contact 51" in shown.output
    refused = privacy("deliver", input="n\n")
    assert refused.exit_code == 1
    assert "contact 52" in refused.stderr and "Zendesk" not in refused.stderr
    assert len(world.stored("hubspot", "contacts")) == 3

    refusal = {"status": 400, "body": {"category": "VALIDATION_ERROR", "message": "ann@x.io"}}
    world.served.fault("hubspot", "/gdpr-delete", "status", **refusal)
    first = privacy("deliver", "--yes", "--json")
    assert first.exit_code == 1 and "1 deletions are not acknowledged" in first.stderr
    [told] = json.loads(first.stdout)
    assert [(one["record_id"], one["outcome"], one["said"]) for one in told["deletions"]] == [
        ("51", "refused", "VALIDATION_ERROR"), (None, "deleted", None), ("9", None, None),
    ]  # fmt: skip
    assert "@" not in kept(world)
    done = privacy("deliver", "--yes", "00000001")
    assert done.exit_code == 0, done.output
    [erasure] = erasures(world.settings.landing_zone)
    assert [(one.record_id, one.tries) for one in erasure.owed] == [("9", 0)]
    assert [row["id"] for row in world.stored("hubspot", "contacts")] == ["53"]
    calls = world.served.calls.total("hubspot")
    assert privacy("deliver", "--yes").exit_code == 0
    assert world.served.calls.total("hubspot") == calls
    wrong = privacy("done", "00000001", "zendesk")
    assert wrong.exit_code == 1 and "It waits for: support." in wrong.stderr
    assert privacy("done", "00000002", "support").exit_code == 1
    assert privacy("done", "00000001", "support").exit_code == 0
    [erasure] = erasures(world.settings.landing_zone)
    assert [(one.record_id, one.outcome, one.said) for one in erasure.deletions] == [
        (None, "deleted", None), (None, "deleted", None), (None, "deleted by people", user()),
    ]  # fmt: skip


def test_an_answer_is_durable_before_the_next_record_and_a_vendor_that_fails_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = world.settings.landing_zone
    queued(world)
    [erasure] = erasures(zone)
    one, two, _ = erasure.deletions
    other = two.model_copy(update={"vendor": "other"})
    write_erasure(zone, erasure.model_copy(update={"deletions": (one, two, other)}))
    monkeypatch.setitem(NAMES, ("other", "hubspot_contact_id"), "record")

    class Killed(BaseException):
        pass

    class Dying:
        def delete(self, records: Any) -> Any:
            yield records[0], Answer(Outcome.DELETED)
            raise Killed

    class Down:
        def delete(self, records: Any) -> Any:
            yield from ()
            raise RetryableError("It is down.")

    class Working:
        def delete(self, records: Any) -> Any:
            yield records[0], Answer(Outcome.UNDER_WAY, "task 7")

    vendors = {"hubspot": Dying(), "other": Working()}
    monkeypatch.setattr(delivering, "open_deleter", lambda vendor, _: vendors[vendor])
    with pytest.raises(Killed):
        deliver_deletions(world.settings, world.clock)
    [erasure] = erasures(zone)
    assert [one.record_id for one in erasure.deletions] == [None, "52", "52"]
    vendors["hubspot"] = Down()
    delivered = deliver_deletions(world.settings, world.clock)
    assert delivered.failed == {"hubspot": "It is down."} and not delivered.is_on_its_way
    [erasure] = erasures(zone)
    assert [(one.outcome, one.record_id, one.task) for one in erasure.deletions] == [
        (Outcome.DELETED, None, None), (None, "52", None), (Outcome.UNDER_WAY, "52", "task 7"),
    ]  # fmt: skip
    vendors["hubspot"] = Working()
    assert deliver_deletions(world.settings, world.clock).is_on_its_way


def test_an_erasure_that_is_not_finished_is_not_delivered(world: World) -> None:
    erasure = queued(world)
    write_erasure(world.settings.landing_zone, erasure)
    assert privacy("deliver", "--yes").exit_code == 0
    assert len(world.stored("hubspot", "contacts")) == 3
