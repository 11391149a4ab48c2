"""Marketo: leads, static lists and program members."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from headwater.errors import CredentialError, DefinitionError, QuotaExhaustedError, RateLimitedError
from headwater.settings import load
from headwater.system_settings import MarketoSettings
from syncs.destination import ALREADY_THERE, Batch, Change, Operation, Outcome
from syncs.destinations import marketo_api, open_destination
from syncs.run import run
from syncs.state import RunStatus, open_state
from tests.sandbox.conftest import Served, served  # noqa: F401 (fixture)
from tests.sandbox.vendors.marketo.conftest import lead
from tests.syncs.bench import Bench, a_definition
from tests.syncs.memory_destination import Killed

COLUMNS = "k varchar, a varchar, b varchar"


def leads(**changes: Any) -> Any:
    base: dict[str, Any] = {
        "destination": "marketo", "object": "leads", "mode": "upsert",
        "key": {"column": "k", "field": "email"}, "removal": {"action": "ignore"},
        "fields": [{"column": "a", "field": "firstName"}, {"column": "b", "field": "plgIcpTier"}],
    }  # fmt: skip
    return a_definition(**{**base, **changes})


def members(object_: str, **changes: Any) -> Any:
    base: dict[str, Any] = {
        "destination": "marketo", "object": object_, "key": {"column": "k", "field": "id"},
        "fields": [], "removal": {"action": "remove_member"},
        "guards": {"max_removed_share": 1.0, "max_changed_share": 1.0, "allow_empty": True},
    }  # fmt: skip
    return a_definition(**{**base, **changes})


@pytest.fixture
def marketo(bench: Bench, served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:  # noqa: F811
    bench.settings = bench.settings.model_copy(update={"http_retries": 1})
    known = served.credentials["marketo"]
    for name in ("munchkin_id", "client_id", "client_secret"):
        monkeypatch.setenv(f"MARKETO_{name.upper()}", known[name])
    monkeypatch.setenv("MARKETO_BASE_URL", f"{served.url}/marketo")
    monkeypatch.setattr(marketo_api, "LONGEST_WAIT_SECONDS", 0.01)
    return served


def go(bench: Bench, definition: Any) -> Any:
    return run("things", bench.settings, bench.clock, "c1", definition=definition)


def held(marketo: Served) -> dict[str, tuple[Any, ...]]:
    rows = marketo.stores["marketo"].rows("leads")
    assert len(rows) == len({row["email"].lower() for row in rows}), "a lead was made twice"
    return {row["email"]: (row.get("firstName"), row.get("plgIcpTier")) for row in rows}


def test_leads_are_made_changed_cleared_and_made_again_whole_when_they_were_deleted(bench, marketo):
    definition = leads(removal={"action": "clear", "fields": ["plgIcpTier"]})
    bench.model([(f"p{n}@acme.com", f"Pat {n}", "A") for n in range(301)], COLUMNS)
    first = go(bench, definition)
    assert (first.status, first.created, first.least_calls) == (RunStatus.CLEAN, 301, 2)
    assert first.calls == 2 + 2, "the token, the fields, two calls"
    store = marketo.stores["marketo"]
    gone = next(row["id"] for row in store.rows("leads") if row["email"] == "p1@acme.com")
    store.leads.delete(gone)
    rows = [(f"p{n}@acme.com", f"Pat {n}", "A") for n in range(300)]
    rows[0], rows[1] = ("p0@acme.com", "", "B"), ("p1@acme.com", "Pat 1", "C")
    bench.model(rows, COLUMNS)
    second = go(bench, definition)
    assert (second.status, second.updated, second.removed) == (RunStatus.CLEAN, 2, 1)
    there = held(marketo)
    assert there["p0@acme.com"] == (None, "B")
    assert there["p1@acme.com"] == ("Pat 1", "C"), "made again with its name, not the tier alone"
    assert there["p300@acme.com"] == ("Pat 300", None)
    assert go(bench, definition).calls == 0


def test_skipped_rows_are_refused_with_their_reasons_and_the_others_go_on(bench, marketo):
    marketo.stores["marketo"].seed("leads", [lead(1, email="two@acme.com"),
                                             lead(2, email="two@acme.com")])  # fmt: skip
    keys = ("no address", "two@acme.com", "é@acme.com", "good@acme.com", "ok@acme.com")
    bench.model([(key, "x" * 300 if "good" in key else "x", None) for key in keys], COLUMNS)
    result = go(bench, leads())
    assert (result.status, result.created, result.rejected) == (RunStatus.PARTIAL, 1, 4)
    assert {item.code: item.rows for item in result.refusals} == {"1001": 2, "1003": 1, "1007": 1}


def test_modes_never_do_more_than_they_say(bench, marketo):
    marketo.stores["marketo"].seed("leads", [lead(1, email="a@acme.com", firstName="Theirs")])
    bench.model([("a@acme.com", "Ours", None), ("b@acme.com", "Ours", None)], COLUMNS)
    update = go(bench, leads(mode="update"))
    assert (update.rejected, update.refusals[0].code) == (1, "1004")
    assert held(marketo) == {"a@acme.com": ("Ours", None)}
    shutil.rmtree(bench.settings.sync_state)
    bench.model([("a@acme.com", "New", None), ("b@acme.com", "Ours", None)], COLUMNS)
    assert go(bench, leads(mode="create")).status is RunStatus.CLEAN
    with open_state(bench.settings, "things") as state:
        codes = state.rows("select key, code from outbox order by key")
    assert codes == [("a@acme.com", ALREADY_THERE), ("b@acme.com", None)]
    assert held(marketo) == {"a@acme.com": ("Ours", None), "b@acme.com": ("Ours", None)}


def test_a_name_of_theirs_is_filled_only_where_it_is_empty(bench, marketo):
    marketo.stores["marketo"].seed("leads", [lead(1, email="a@acme.com", firstName="Theirs"),
                                             lead(2, email="b@acme.com")])  # fmt: skip
    bench.model([("a@acme.com", "Ours", "A"), ("b@acme.com", "Ours", "A")], COLUMNS)
    fields = [{"column": "a", "field": "firstName", "policy": "fill_empty"},
              {"column": "b", "field": "plgIcpTier"}]  # fmt: skip
    result = go(bench, leads(fields=fields))
    assert result.status is RunStatus.CLEAN and result.calls == 1 + 1 + 1 + 1
    assert [held(marketo)[key][0] for key in ("a@acme.com", "b@acme.com")] == ["Theirs", "Ours"]


LEADS, LISTS, STATUS = "/rest/v1/leads.json", "/rest/v1/lists", "/members/status"


@pytest.mark.parametrize(
    ("route", "kind", "params"),
    [(LEADS, "lost_response", {}), (LEADS, "lost_response", {"status": 502}), (LEADS, "reset", {}),
     (LEADS, "expired_token", {}), (LEADS, "invalid_token", {}), (LEADS, "rate_limit", {}),
     (LEADS, "concurrency", {}), (LEADS, "truncate", {"bytes": 30}),
     (LISTS, "lost_response", {}), (LISTS, "rate_limit", {}),
     (STATUS, "lost_response", {}), (STATUS, "expired_token", {})],
)  # fmt: skip
def test_whatever_happens_to_a_call_its_rows_are_written_once_and_the_run_is_clean(
    bench, marketo, route, kind, params
):
    store = marketo.stores["marketo"]
    if "leads.json" in route:
        definition, rows = leads(), [(f"p{n}@acme.com", "Pat", "A") for n in range(5)]
    else:
        store.seed("leads", [lead(n) for n in range(1, 6)])
        store.seed("lists", [{"id": 7, "name": "L"}])
        store.seed("programs", [{"id": 7, "name": "P"}])
        rows = [(str(n), "Registered", None) for n in range(1, 6)]
        status = [{"column": "a", "field": "statusName"}]
        definition = members("list:7") if "lists" in route else members("program:7", fields=status)
    bench.model(rows, COLUMNS)
    marketo.fault("marketo", route, kind, method="POST", **params)
    result = go(bench, definition)
    assert (result.status, result.created) == (RunStatus.CLEAN, 5), result.error
    if "leads.json" in route:
        assert len(held(marketo)) == 5
    else:
        table = "list_members" if "lists" in route else "program_members"
        assert [row["leadId"] for row in store.rows(table)] == [1, 2, 3, 4, 5]
    assert go(bench, definition).planned == 0


@pytest.mark.parametrize(("kind", "error"), [("rate_limit", RateLimitedError),
                                             ("quota", QuotaExhaustedError)])  # fmt: skip
def test_a_rate_limit_that_stays_and_a_quota_end_the_run_and_nothing_is_lost(
    bench, marketo, kind, error
):
    bench.model([("a@acme.com", "x", None)], COLUMNS)
    marketo.fault("marketo", "/rest/v1/leads.json", kind, times=None)
    stopped = go(bench, leads())
    assert (stopped.status, stopped.owed) == (RunStatus.FAILED, 1)
    assert isinstance(stopped.error, error)
    assert stopped.calls <= (4 if kind == "rate_limit" else 3)
    marketo.faults.clear()
    assert go(bench, leads()).status is RunStatus.CLEAN
    assert len(held(marketo)) == 1


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [("606", "Max rate limit '100' exceeded with in '20' secs", RateLimitedError),
     ("607", "Daily API request quota '50000' reached", QuotaExhaustedError),
     ("1029", "Too many jobs (11) in queue", RateLimitedError),
     ("1029", "Export daily quota 500MB exceeded", QuotaExhaustedError),
     ("603", "Access denied", CredentialError)],
)  # fmt: skip
def test_codes_mean_what_the_vendor_says_they_mean(code, message, error):
    assert isinstance(marketo_api._meaning("x", code, message), error)


def test_killed_after_the_call_the_next_run_resolves_it_and_makes_no_lead_twice(
    bench, marketo, monkeypatch
):
    real = marketo_api.MarketoApi.rows

    def dies(self: Any, *args: Any, **kwargs: Any) -> Any:
        real(self, *args, **kwargs)
        raise Killed

    bench.model([(f"p{n}@acme.com", "Pat", "A") for n in range(3)], COLUMNS)
    with monkeypatch.context() as patched:
        patched.setattr(marketo_api.MarketoApi, "rows", dies)
        with pytest.raises(Killed):
            go(bench, leads())
    healed = go(bench, leads())
    assert (healed.status, healed.recovered, healed.planned) == (RunStatus.CLEAN, 3, 0)
    assert len(held(marketo)) == 3


@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.UPDATE])
def test_a_new_lead_whose_answer_was_lost_is_not_sent_while_marketo_may_still_be_at_work(
    bench, marketo, operation
):
    """Two calls at once with one key can make two leads."""
    destination = open_destination(leads(), bench.settings)
    in_doubt = Batch("b", (Change(1, "a@acme.com", operation, {}, "token"),))
    assert [item.outcome for item in destination.resolve(in_doubt)] == [Outcome.UNSENT]
    assert held(marketo) == {}
    assert destination.capabilities.settle_seconds > 0


def test_a_list_is_the_model_and_leads_that_others_added_stay(bench, marketo):
    store = marketo.stores["marketo"]
    store.seed("leads", [lead(n) for n in range(1, 10)])
    store.seed("lists", [{"id": 7, "name": "L"}])
    store.list_members.put("0000000007/0000000009", {"listId": 7, "leadId": 9})
    bench.model([("1", None, None), ("2", None, None), ("x1", None, None), ("77", None, None)],
                COLUMNS)  # fmt: skip
    first = go(bench, members("list:7"))
    assert (first.status, first.created, first.rejected) == (RunStatus.PARTIAL, 2, 2)
    assert {item.code for item in first.refusals} == {"NO_LEAD_ID", "1004"}
    store.list_members.delete("0000000007/0000000002")  # somebody removed it already
    bench.model([("3", None, None)], COLUMNS)
    second = go(bench, members("list:7"))
    assert (second.status, second.created, second.removed) == (RunStatus.CLEAN, 1, 2)
    assert [row["leadId"] for row in store.rows("list_members")] == [3, 9]
    with pytest.raises(CredentialError, match="lists/8"):
        open_destination(members("list:8"), bench.settings).check()


def test_a_status_moves_forward_and_a_member_that_has_it_is_not_refused(bench, marketo):
    store = marketo.stores["marketo"]
    store.seed("leads", [lead(n) for n in range(1, 6)])
    store.seed("programs", [{"id": 7, "name": "P"}])
    for number, status in ((1, "Registered"), (2, "Attended")):
        store.members.put(f"0000000007/{number:010d}",
                          {"programId": 7, "leadId": number, "statusName": status})  # fmt: skip
    definition = members("program:7", fields=[{"column": "a", "field": "statusName"}])
    bench.model([("1", "Registered", None), ("2", "Registered", None), ("3", "Registered", None),
                 ("4", "Danced", None), ("5", "Attended", None)], COLUMNS)  # fmt: skip
    result = go(bench, definition)
    assert (result.created, result.rejected) == (3, 2)
    assert {item.code: item.example_key for item in result.refusals} == {"1037": "2", "1003": "4"}
    bench.model([("3", "Attended", None)], COLUMNS)
    second = go(bench, definition)
    assert (second.status, second.updated, second.removed) == (RunStatus.CLEAN, 1, 2)
    assert {row["leadId"]: row["statusName"] for row in store.rows("program_members")} == {
        2: "Attended", 3: "Attended"}  # fmt: skip


def test_wrong_credentials_and_definitions_are_said_and_the_secret_is_not(
    bench, marketo, monkeypatch
):
    for wrong in (leads(object="opportunities"), leads(key={"column": "k", "field": "id"}),
                  members("list:7", fields=[{"column": "a", "field": "statusName"}]),
                  members("program:7")):  # fmt: skip
        with pytest.raises(DefinitionError):
            open_destination(wrong, bench.settings)
    monkeypatch.setenv("MARKETO_CLIENT_SECRET", "hunter2-very-secret")
    with pytest.raises(CredentialError) as refused:
        open_destination(leads(), bench.settings).check()
    assert "hunter2" not in str(refused.value) and refused.value.__context__ is None


def test_fewer_calls_are_made_after_one_that_was_too_fast(bench, marketo):
    api = marketo_api.MarketoApi(bench.settings, load(MarketoSettings), sleep=lambda _: None)
    marketo.fault("marketo", "/rest/v1/leads", "rate_limit")
    api.ask("GET", "/rest/v1/leads/describe2.json")
    assert api._session.calls_allowed == 45
