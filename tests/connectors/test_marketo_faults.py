"""The Marketo connector when Marketo, the network or a quota misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.marketo import activity_log
from connectors.run import StreamsFailedError, StreamsToRetryError
from headwater.errors import CredentialError, QuotaExhaustedError, VendorUnavailableError
from headwater.settings import Settings
from tests.connectors.conftest import Served
from tests.connectors.test_marketo import (
    AS_OF,
    activity,
    environment,
    lead,
    rows,
    run,
    settings,
)

__all__ = ["environment", "settings"]
LATER = AS_OF + timedelta(hours=2)
AFTER = LATER + timedelta(hours=1)


def calls(environment: Served, route: str) -> int:
    return sum(
        int(each["count"])
        for each in environment.calls.as_list()
        if each["vendor"] == "marketo" and each["route"].endswith(route)
    )


def seed_changes(environment: Served, count: int) -> None:
    """Changes of so many leads, told by the log after the first load."""
    store = environment.stores["marketo"]
    store.seed("leads", [lead(number, LATER) for number in range(1, count + 1)])
    store.seed("activities", [activity(n, 12, LATER, leadId=n) for n in range(1, count + 1)])


@pytest.mark.parametrize(
    "kind", ["invalid_token", "expired_token", "rate_limit", "concurrency", "reset"]
)
def test_what_passes_is_waited_out(environment: Served, settings: Settings, kind: str) -> None:
    environment.stores["marketo"].seed("leads", [lead(1)])
    environment.fault("marketo", "status", kind)
    assert run(settings, "leads").landed == 1


def test_an_outage_and_a_cut_answer_are_waited_out(environment: Served, settings: Settings) -> None:
    run(settings, "leads")
    seed_changes(environment, 5)
    environment.fault("marketo", "leadchanges", "status", status=502)
    environment.fault("marketo", "/rest/v1/leads.json", "truncate", bytes=60, clean=True)
    assert run(settings, "leads", as_of=AFTER).landed == 5


def test_a_token_that_died_is_renewed(environment: Served, settings: Settings) -> None:
    run(settings, "leads")
    environment.clock.set(AS_OF + timedelta(days=1))
    seed_changes(environment, 1)
    assert run(settings, "leads", as_of=AFTER).landed == 1


def test_the_daily_quota_ends_half_way_and_reading_goes_on_behind_the_last_page(
    environment: Served, settings: Settings
) -> None:
    run(settings, "leads")
    seed_changes(environment, 1000)
    environment.calls.clear()
    whole = activity_log.walk

    def then_no_quota(*args: Any) -> Iterator[Any]:
        for number, page in enumerate(whole(*args), 1):
            yield page
            if args[1] == activity_log.LEAD_CHANGES and number == 2:
                environment.fault("marketo", "leadchanges", "quota")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activity_log, "walk", then_no_quota)
        with pytest.raises(StreamsFailedError, match="midnight US Central") as caught:
            run(settings, "leads", as_of=AFTER)
    assert isinstance(caught.value.errors["leads"], QuotaExhaustedError)
    assert rows(settings, "select count(*) from raw_marketo.leads") == [(0,)]
    result = run(settings, "leads", as_of=AFTER + timedelta(days=1))
    assert (result.received, result.landed) == (1000, 1000)
    # Four pages of the log, one of them twice, and four of leads: none that was finished.
    assert (calls(environment, "leadchanges.json"), calls(environment, "v1/leads.json")) == (5, 4)


def test_the_export_quota_ends_half_way_and_finished_windows_are_kept(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(1, createdAt="2025-06-03T00:00:00Z"), lead(2)])
    allowed = store.daily_export_bytes
    store.daily_export_bytes = 1  # the first file uses it up
    with pytest.raises(StreamsFailedError, match="quota") as caught:
        run(settings, "leads")
    assert isinstance(caught.value.errors["leads"], QuotaExhaustedError)
    made = store.exports.count()
    store.daily_export_bytes = allowed
    assert run(settings, "leads").landed == 2
    # The window whose job could not be queued, and the third: the queued one is taken up again.
    assert (made, store.exports.count()) == (2, 3)


def test_a_job_that_a_crash_left_is_taken_up(environment: Served, settings: Settings) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(1)])
    environment.fault("marketo", "file", "status", times=9, status=503)
    with pytest.raises(StreamsToRetryError):
        run(settings, "leads")
    environment.faults.clear()
    made = store.exports.count()
    assert run(settings, "leads").landed == 1
    assert store.exports.count() == made


def test_a_job_that_ended_otherwise_is_made_anew(environment: Served, settings: Settings) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(1)])
    body = {"success": True, "result": [{"exportId": "x", "status": "Failed", "errorMsg": "disk"}]}
    environment.fault("marketo", "status", "status", status=200, body=body)
    with pytest.raises(StreamsToRetryError, match="ended as Failed: disk"):
        run(settings, "leads")
    assert run(settings, "leads").landed == 1


def test_a_full_queue_and_a_file_that_is_not_there_yet(
    environment: Served, settings: Settings
) -> None:
    environment.stores["marketo"].seed("leads", [lead(1)])
    environment.fault("marketo", "enqueue", "queue_full", times=2)
    environment.fault("marketo", "file", "file_missing", times=2)
    assert run(settings, "leads").landed == 1


def test_a_download_that_breaks_goes_on_where_it_broke(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(number) for number in range(1, 201)])
    environment.fault("marketo", "file", "truncate", bytes=5000)
    environment.fault("marketo", "file", "truncate", bytes=3000, clean=True)
    assert run(settings, "leads").landed == 200
    assert calls(environment, "file.json") == 3


def test_a_file_that_is_not_what_its_checksum_says_is_refused(
    environment: Served, settings: Settings
) -> None:
    environment.stores["marketo"].seed("leads", [lead(1)])
    other = "x" * 2000
    headers = {"content-type": "text/csv"}
    environment.fault("marketo", "file", "status", status=200, body=other, headers=headers)
    with pytest.raises(StreamsToRetryError, match="checksum"):
        run(settings, "leads")
    assert run(settings, "leads").landed == 1


def test_stray_characters_of_a_file_break_no_line(environment: Served, settings: Settings) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(1, lastName="Mc\0Loud\r", title="a\r\nb"), lead(2, title="null")])
    assert run(settings, "leads").landed == 2
    assert rows(settings, "select id, last_name, title from raw_marketo.leads order by id") == [
        (1, "McLoud", "a\nb"),
        (2, None, None),
    ]


def test_a_schema_that_changes_between_two_pages(environment: Served, settings: Settings) -> None:
    run(settings, "leads")
    seed_changes(environment, 400)
    first = [lead(number, LATER) for number in range(1, 300)]
    changed = [
        {**lead(301, LATER), "mood": "good"},
        {**lead(302, LATER), "leadScore": "high"},
        {key: value for key, value in lead(303, LATER).items() if key != "updatedAt"},
    ]
    for page in ([], first, changed):  # the first one answers who is gone
        if page:
            environment.fault(
                "marketo",
                "/rest/v1/leads.json",
                "status",
                status=200,
                body={"success": True, "result": page},
            )
    result = run(settings, "leads", as_of=AFTER)
    assert (result.received, result.landed, result.quarantined) == (302, 300, 2)
    assert rows(settings, "select field, seen from landing.drift") == [("mood", 1)]
    assert rows(
        settings, "select record_key, reason from landing.quarantine order by record_key"
    ) == [
        ("302", "column lead_score (leadScore): value 'high' is not a whole number"),
        ("303", "column updated_at (updatedAt): missing, but required"),
    ]


def test_an_instance_without_the_custom_field_has_nulls(
    environment: Served, settings: Settings
) -> None:
    environment.stores["marketo"].seed("leads", [lead(1)])
    names = ["id", "email", "firstName", "createdAt", "updatedAt"]
    described = [{"id": 1, "rest": {"name": name}} for name in names]
    body = {"success": True, "result": described}
    environment.fault("marketo", "describe.json", "status", times=2, status=200, body=body)
    assert run(settings, "leads").landed == 1
    assert rows(settings, "select product_user_id, first_name from raw_marketo.leads") == [
        (None, "P1")
    ]


def test_a_missing_right_is_said_first(environment: Served, settings: Settings) -> None:
    denied = {"success": False, "errors": [{"code": "603", "message": "Access denied"}]}
    environment.fault("marketo", "asset", "status", status=200, body=denied)
    with pytest.raises(CredentialError, match="Read-Only Assets"):
        run(settings, "leads")
    assert not settings.warehouse.exists()


def test_a_wrong_secret_is_said_without_showing_it(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETO_CLIENT_SECRET", "wrong-secret")
    with pytest.raises(CredentialError, match="MARKETO_CLIENT_SECRET") as caught:
        run(settings, "leads")
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("body", ["<html>hello</html>", {"expires_in": 3599}, []])
def test_an_answer_without_a_token_is_said(
    environment: Served, settings: Settings, body: object
) -> None:
    environment.fault("marketo", "oauth/token", "status", status=200, body=body)
    with pytest.raises(VendorUnavailableError, match="without one") as caught:
        run(settings, "leads")
    assert caught.value.__context__ is None
    assert run(settings, "leads").stream == "leads"


def test_the_secret_is_in_no_error_when_nobody_answers(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETO_BASE_URL", "http://127.0.0.1:9")
    impatient = settings.model_copy(update={"http_retries": 0})
    with pytest.raises(Exception, match="no connection") as caught:
        run(impatient, "leads")
    secret = environment.credentials["marketo"]["client_secret"]
    shown: BaseException | None = caught.value
    while shown is not None:
        assert secret not in str(shown)
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def test_an_answer_that_is_not_marketos(environment: Served, settings: Settings) -> None:
    run(settings, "leads")
    environment.fault("marketo", "pagingtoken", "status", status=200, body="<html>hello</html>")
    with pytest.raises(StreamsFailedError, match="MARKETO_BASE_URL"):
        run(settings, "leads", as_of=AFTER)


def test_above_the_break_even_increments_come_in_bulk(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETO_BULK_FROM_ROWS", "600")
    monkeypatch.setenv("MARKETO_HAS_UPDATED_AT_FILTER", "true")
    store = environment.stores["marketo"]
    store.has_updated_at_filter = True
    both = ("leads", "activities")
    run(settings, *both)
    seed_changes(environment, 2000)
    environment.calls.clear()
    run(settings, *both, as_of=AFTER)
    assert rows(
        settings,
        "select stream, landed, quarantined from landing.loads where landed > 0 order by 1",
    ) == [("activities", 2000, 0), ("leads", 2000, 0)]
    assert calls(environment, "v1/leads.json") == 1
    assert calls(environment, "leadchanges.json") == 2
    # Three pages of the log for activities; the whole of it for merges, which are few.
    assert calls(environment, "activities.json") == 3 + 7
    assert calls(environment, "create.json") == 2
    cursors = rows(settings, "select cursor from landing.cursors")
    assert set(cursors) == {(AFTER.isoformat(),)}


def test_programs_from_ten_on_are_exported_together(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(1), lead(2)])
    at = {"createdAt": "2025-06-03T00:00:00Z+0000", "updatedAt": "2025-06-03T00:00:00Z+0000"}
    store.seed("programs", [{"id": n, "name": f"Program {n}", **at} for n in range(1, 13)])
    member = {"statusName": "Invited", "membershipDate": "2025-06-04T00:00:00Z"}
    store.seed(
        "program_members",
        [{"programId": n, "leadId": who, **member} for n in range(1, 13) for who in (1, 2)],
    )
    result = run(settings, "program_members")
    assert (result.received, result.landed) == (24, 24)
    assert calls(environment, "create.json") == 2
    assert rows(
        settings, "select count(distinct program_id), min(status) from raw_marketo.program_members"
    ) == [(12, "Invited")]


def test_activities_that_show_late_are_in_the_overlap(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["marketo"]
    run(settings, "activities")
    store.seed("activities", [activity(2, 1, AS_OF - timedelta(minutes=40)), activity(1, 1)])
    result = run(settings, "activities", as_of=AFTER)
    assert (result.received, result.landed) == (1, 1)
    assert rows(settings, "select marketo_guid from raw_marketo.activities") == [("2",)]
