"""Webhooks: rows and digests to Slack and to a receiver that checks signatures."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from headwater.errors import DefinitionError, SettingsError
from headwater.recording import recorded
from syncs.destinations import open_destination, webhook
from syncs.run import run
from syncs.state import RunStatus, open_state
from tests.sandbox.conftest import Served, served  # noqa: F401 (fixture)
from tests.syncs.bench import Bench, a_definition
from tests.syncs.memory_destination import Killed

SLACK = {"format": "slack", "text": "$A has used $B"}


def sync(**changes: Any) -> Any:
    base: dict[str, Any] = {"destination": "webhook", "object": "alerts", "mode": "append",
                            "removal": {"action": "ignore"}}  # fmt: skip
    return a_definition(**{**base, **changes})


@pytest.fixture
def receivers(bench: Bench, served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:  # noqa: F811
    bench.settings = bench.settings.model_copy(update={"http_retries": 1})
    known = served.credentials["webhook"]
    urls = {"alerts": f"{served.url}/webhook/services/{known['slack_path']}",
            "crm": f"{served.url}/webhook/hooks/{known['json_token']}"}  # fmt: skip
    monkeypatch.setenv("WEBHOOK_URLS", json.dumps(urls))
    monkeypatch.setenv("WEBHOOK_SECRETS", json.dumps({"crm": known["signing_secret"]}))
    monkeypatch.setattr(webhook, "PER_SECOND", {"slack": 50, "json": 50})
    return served


def go(bench: Bench, definition: Any) -> Any:
    return run("things", bench.settings, bench.clock, "c1", definition=definition)


def messages(receivers: Served) -> list[Any]:
    return [each["body"] for each in receivers.stores["webhook"].rows("messages")]


def codes(bench: Bench) -> list[tuple[str, str, str | None]]:
    with open_state(bench.settings, "things") as state:
        return state.rows("select key, state, code from outbox order by key")


def test_a_row_is_told_once_in_words_that_mean_nothing_else_to_slack(bench, receivers):
    bench.model({"x": ("<!channel> & co", 1.5), "y": (None, 2.0)})
    first = go(bench, sync(options=SLACK))
    assert (first.status, first.created, first.calls) == (RunStatus.CLEAN, 2, 2), first.error
    assert first.least_calls == 2
    assert messages(receivers) == [{"text": "&lt;!channel&gt; &amp; co has used 1.5"},
                                   {"text": " has used 2.0"}]  # fmt: skip
    bench.model({"x": ("changed", 9.0)})
    assert go(bench, sync(options=SLACK)).calls == 0


def test_a_digest_speaks_of_a_run_once_and_counts_what_it_does_not_list(bench, receivers):
    definition = sync(mode="mirror", removal={"action": "delete"},
                      options={**SLACK, "message": "digest"},
                      guards={"max_removed_share": 1, "max_changed_share": 1})  # fmt: skip
    bench.model({f"k{n:03}": (f"workspace {n}" + "." * 50, float(n)) for n in range(90)})
    assert go(bench, definition).calls == 1
    bench.model({"k000": ("workspace 0", 7.5), "new": ("w", None), **{
        f"k{n:03}": (f"workspace {n}" + "." * 50, float(n)) for n in range(2, 90)}})  # fmt: skip
    assert go(bench, definition).calls == 1
    long, short = (each["text"] for each in messages(receivers))
    assert long.startswith(f"*things*: 90 new\n• new: workspace 0{'.' * 50} has used 0.0\n")
    assert len(long) < 4000
    assert long.endswith(f"… and {90 - long.count('•')} more")
    assert short == ("*things*: 1 new, 1 changed, 1 gone\n• new: w has used \n"
                     "• changed: workspace 0 has used 7.5\n• gone: k001")  # fmt: skip


def test_json_is_signed_and_says_operation_token_and_what_changed(bench, receivers, monkeypatch):
    definition = sync(object="crm", mode="upsert")
    bench.model({"x": ("one", 1.5)})
    assert go(bench, definition).status is RunStatus.CLEAN
    bench.model({"x": ("one", 2.5)})
    assert go(bench, definition).status is RunStatus.CLEAN
    (created, updated) = (each["rows"][0] for each in messages(receivers))
    assert created.pop("token") == updated.pop("token")
    assert created == {"operation": "create", "key": "x", "fields": {"A": "one", "B": 1.5},
                       "changed": ["A", "B"]}  # fmt: skip
    assert updated == {"operation": "update", "key": "x", "fields": {"A": "one", "B": 2.5},
                       "changed": ["B"]}  # fmt: skip
    headers = receivers.stores["webhook"].rows("messages")[0]["headers"]
    assert headers["headwater-token"] and headers["idempotency-key"]

    monkeypatch.setenv("WEBHOOK_SECRETS", json.dumps({"crm": "hunter2-very-secret"}))
    bench.model({"x": ("one", 3.5)})
    failed = go(bench, definition)
    assert (failed.status, failed.owed) == (RunStatus.FAILED, 1)
    assert "WEBHOOK_SECRETS" in str(failed.error) and "hunter2" not in str(failed.error)


@pytest.mark.parametrize("resend", [False, True])
@pytest.mark.parametrize("lost", ["lost_response", "500", "reset"])
def test_a_message_whose_answer_was_lost_is_told_at_most_once(bench, receivers, lost, resend):
    """Dropped where the receiver would say it twice, sent again where it would not."""
    if lost == "500":
        receivers.fault("webhook", "", "lost_response", status=500)
    else:
        receivers.fault("webhook", "", lost)
    bench.model({"x": ("one", 1.0), "y": ("two", 2.0)})
    definition = sync(object="crm", options={"resend": resend})
    result = go(bench, definition)
    assert (result.status, result.created) == (RunStatus.CLEAN, 2), result.error
    told = sorted(each["rows"][0]["key"] for each in messages(receivers))
    arrived = ["x", "y"] if resend or lost != "reset" else ["y"]
    assert told == arrived
    assert codes(bench) == [("x", "delivered", None if resend else "FATE_UNKNOWN"),
                            ("y", "delivered", None)]  # fmt: skip
    assert go(bench, definition).planned == 0


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_the_call_a_row_is_told_exactly_once_where_that_can_be_known(
    bench, receivers, monkeypatch, moment
):
    """Killed before its mark, the message has not left and goes out; after it, it is not told
    again."""
    real = webhook.WebhookDestination._post

    def dies_after(self: Any, batch: Any) -> None:
        real(self, batch)
        raise Killed

    def dies_before(self: Any, batch: Any, remember: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(webhook.WebhookDestination, *(
            ("deliver", dies_before) if moment != "after" else ("_post", dies_after)))  # fmt: skip
        bench.model({"x": ("one", 1.0)})
        with pytest.raises(Killed):
            go(bench, sync(options=SLACK))
    healed = go(bench, sync(options=SLACK))
    assert healed.status is RunStatus.CLEAN, healed.error
    assert len(messages(receivers)) == 1


def test_busy_receivers_are_tried_again_and_those_that_want_quiet_are_left_alone(
    bench, receivers, monkeypatch
):
    receivers.fault("webhook", "", "rate_limit", retry_after=0)
    receivers.fault("webhook", "", "status", status=503, body="down")
    bench.model({"x": ("one", 1.0)})
    first = go(bench, sync(options=SLACK))
    assert (first.status, first.calls) == (RunStatus.CLEAN, 3), first.error

    receivers.fault("webhook", "", "rate_limit", retry_after=3600)
    bench.model({"x": ("one", 1.0), "y": ("two", 2.0)})
    stopped = go(bench, sync(options=SLACK))
    assert (stopped.status, stopped.owed, stopped.calls) == (RunStatus.FAILED, 1, 1)
    again = go(bench, sync(options=SLACK))
    assert (again.owed, again.calls) == (1, 0) and "left alone" in str(again.error)
    at = webhook.time.time() + 3700
    destination = webhook.WebhookDestination(
        sync(options=SLACK), bench.settings, now=lambda: at
    )  # fmt: skip
    later = run("things", bench.settings, bench.clock, "c1", definition=sync(options=SLACK),
                destination=destination)  # fmt: skip
    assert later.status is RunStatus.CLEAN
    assert len(messages(receivers)) == 2


@pytest.mark.parametrize("fault", ["no_service", "moved", "reset", "dead host"])
def test_errors_say_what_to_do_and_never_the_url(bench, receivers, monkeypatch, fault):
    path = receivers.credentials["webhook"]["slack_path"]
    if fault == "dead host":
        urls = {"alerts": f"http://127.0.0.1:1/services/{path}"}
        monkeypatch.setenv("WEBHOOK_URLS", json.dumps(urls))
    else:
        receivers.fault("webhook", "", fault, times=None)
    bench.model({"x": ("one", 1.0)})
    result = go(bench, sync(options=SLACK))
    if fault == "reset":  # it may have arrived, and is not told again
        assert result.status is RunStatus.CLEAN
        return
    assert (result.status, result.owed) == (RunStatus.FAILED, 1)
    shown = "".join(traceback.format_exception(result.error)) + str(codes(bench))
    assert path not in shown and path.split("/")[-1] not in shown
    assert result.error.__context__ is None


@pytest.mark.parametrize("fault", [None, "reset"])
def test_a_trace_shows_the_message_and_never_the_url(bench, receivers, fault):
    if fault is not None:
        receivers.fault("webhook", "", fault)
    bench.model({"x": ("one", 1.0)})
    with recorded() as exchanges:
        go(bench, sync(options=SLACK))
    (exchange,) = exchanges
    assert "one has used 1.0" in exchange.sent
    assert exchange.url == "webhook alerts"
    assert receivers.credentials["webhook"]["slack_path"] not in str(exchange)


def test_a_refused_row_does_not_hold_up_the_others(bench, receivers):
    receivers.fault("webhook", "/hooks", "refuse", times=None, keys=["k3"])
    bench.model({f"k{n}": ("a", 1.0) for n in range(6)})
    result = go(bench, sync(object="crm", options={"message": "digest"}))
    assert (result.status, result.created, result.rejected) == (RunStatus.PARTIAL, 5, 1)
    told = sorted(row["key"] for each in messages(receivers) for row in each["rows"])
    assert told == [f"k{n}" for n in range(6) if n != 3]


def test_wrong_settings_and_definitions_are_refused_without_the_secret(
    bench, receivers, monkeypatch
):
    for options in ({"text": "$C"}, {"text": "5 $"}, {"format": "xml"}, {"message": "each"}):
        with pytest.raises(DefinitionError):
            open_destination(sync(options=options), bench.settings)
    with pytest.raises(SettingsError, match="alerts, crm"):
        open_destination(sync(object="nobody"), bench.settings)
    for wrong in ('{"alerts": "http://far.example/sekret"}', "sekret", '["sekret"]'):
        monkeypatch.setenv("WEBHOOK_URLS", wrong)
        with pytest.raises(SettingsError, match="WEBHOOK_URLS") as refused:
            open_destination(sync(), bench.settings)
        assert "sekret" not in str(refused.value)
