"""Import, track, profiles: driven by the official library, mixpanel-utils and plain calls."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
import requests
from mixpanel import Consumer, Mixpanel, MixpanelException, ServiceAccountCredentials
from mixpanel_utils import MixpanelUtils

from sandbox.credentials import ACCOUNTS_PROJECT_ID
from sandbox.vendors.mixpanel.store import Store, project_token
from tests.sandbox.conftest import NOW, Served

TIME = int(NOW.timestamp()) - 3600


def event(number: int, **properties: Any) -> dict[str, Any]:
    given = {"time": TIME, "distinct_id": f"001{number:015}", "$insert_id": f"row-{number}"}
    return {"event": "Logged In", "properties": {**given, **properties}}


def send(served: Served, events: Any, *, strict: int = 1, **kwargs: Any) -> requests.Response:
    known = served.credentials["mixpanel"]
    return requests.post(
        f"{served.url}/mixpanel/import",
        params={"strict": strict, "project_id": ACCOUNTS_PROJECT_ID},
        auth=kwargs.pop("auth", (known["username"], known["secret"])),
        timeout=9,
        **({"json": events} if events is not None else {}),
        **kwargs,
    )


@pytest.fixture
def store(served: Served) -> Store:
    return served.stores["mixpanel"]


def test_a_json_array_is_stored_and_can_be_exported_again(served, store):
    answer = send(served, [event(1), event(2, time=TIME * 1000)])
    assert answer.json() == {"code": 200, "num_records_imported": 2, "status": "OK"}
    stored = list(store.events(ACCOUNTS_PROJECT_ID))
    assert [row["properties"]["time"] for row in stored] == [TIME, TIME]
    assert stored[0]["properties"]["mp_processing_time_ms"] == int(NOW.timestamp() * 1000)
    assert [row["insert_id"] for row in store.rows("events")] == ["row-1", "row-2"]


def test_state_survives_a_restart(served, store):
    send(served, [event(1)])
    again = Store(served.home, served.clock)
    assert again.rows("events") == store.rows("events")
    assert again.unique_events(ACCOUNTS_PROJECT_ID) == 1


def test_the_same_batch_twice_is_stored_twice_and_counts_once(served, store):
    send(served, [event(1), event(2)])
    send(served, [event(1), event(2)])
    assert len(store.rows("events")) == 4
    assert store.unique_events(ACCOUNTS_PROJECT_ID) == 2


def test_newline_delimited_and_gzip(served, store):
    body = gzip.compress(b"\n".join(json.dumps(event(n)).encode() for n in range(3)))
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    assert send(served, None, data=body, headers=headers).json()["num_records_imported"] == 3
    assert len(store.rows("events")) == 3


@pytest.mark.parametrize(
    ("properties", "field", "message"),
    [
        (
            {"time": "yesterday"},
            "properties.time",
            "'properties.time' is invalid: must be specified as seconds since epoch",
        ),
        ({"time": None}, "properties.time", "must not be missing"),
        ({"time": 1000}, "properties.time", "must be after 1971-01-01"),
        (
            {"time": int((NOW + timedelta(hours=2)).timestamp())},
            "properties.time",
            "must not be in the future",
        ),
        ({"distinct_id": None}, "properties.distinct_id", "must not be missing"),
        ({"distinct_id": "Anonymous"}, "properties.distinct_id", "placeholder value"),
        (
            {"distinct_id": "00000000-0000-0000-0000-000000000000"},
            "properties.distinct_id",
            "placeholder value",
        ),
        ({"$insert_id": ""}, "properties.$insert_id", "must not be missing"),
        ({"$insert_id": "x" * 37}, "properties.$insert_id", "36 bytes"),
        ({"$insert_id": "a_b"}, "properties.$insert_id", "letters, digits"),
        ({"deep": {"a": {"b": {"c": {"d": 1}}}}}, "properties.deep", "nested"),
        ({f"p{n}": n for n in range(255)}, "properties", "fewer than 255"),
        ({"blob": "x" * 1024 * 1024}, "event", "smaller than 1048576 bytes"),
    ],
)
def test_a_bad_event_fails_alone(served, store, properties, field, message):
    answer = send(served, [event(1), event(2, **properties), event(3)])
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] == "some data points in the request failed validation"
    assert body["num_records_imported"] == 2
    [failed] = body["failed_records"]
    assert (failed["index"], failed["field"]) == (1, field)
    assert message in failed["message"]
    assert [row["insert_id"] for row in store.rows("events")] == ["row-1", "row-3"]


def test_an_empty_distinct_id_is_allowed(served):
    assert send(served, [event(1, distinct_id="")]).status_code == 200


def test_without_strict_bad_events_vanish_in_silence(served, store):
    answer = send(served, [event(1), event(2, time="x")], strict=0)
    assert (answer.status_code, answer.json()["num_records_imported"]) == (200, 1)
    assert len(store.rows("events")) == 1


def test_limits_of_a_call(served, store):
    many = send(served, [event(number) for number in range(2001)])
    assert many.status_code == 413
    large = send(served, [event(number, blob="x" * 2000) for number in range(1100)])
    assert large.json() == {
        "code": 413,
        "error": "request exceeds max limit of 2097152 bytes",
        "status": "Request Entity Too Large",
    }
    assert store.rows("events") == []


def test_bodies_that_cannot_be_read(served):
    assert (
        send(served, None, data=b"[{", headers={"Content-Type": "application/json"})
        .json()["error"]
        .startswith("unable to parse request body")
    )
    packed = send(served, None, data=b"x", headers={"Content-Encoding": "gzip"})
    assert (packed.status_code, packed.json()["code"]) == (400, 400)
    assert send(served, {"event": "x"}).status_code == 400


def test_wrong_credentials(served):
    answer = send(served, [event(1)], auth=("sa", "wrong"))
    assert answer.status_code == 401
    assert answer.json() == {
        "code": 401,
        "error": "Invalid credentials",
        "status": "Unauthorized",
    }
    assert send(served, [event(1)], auth=(project_token(ACCOUNTS_PROJECT_ID), "")).ok


def test_rate_limit_and_partial_failure_on_demand(served, store):
    served.fault("mixpanel", "/import", "rate_limit")
    assert send(served, [event(1)]).json()["code"] == 429
    served.fault("mixpanel", "/import", "partial_failure", every_nth=2, message="refused")
    answer = send(served, [event(1), event(2), event(3)])
    assert [row["insert_id"] for row in answer.json()["failed_records"]] == ["row-2"]
    served.fault("mixpanel", "/import", "partial_failure", keys=["row-5"])
    answer = send(served, [event(4), event(5)])
    assert [row["index"] for row in answer.json()["failed_records"]] == [1]
    assert len(store.rows("events")) == 3


def test_a_lost_response_has_stored_the_events(served, store):
    served.fault("mixpanel", "/import", "lost_response", status=503)
    assert send(served, [event(1)]).status_code == 503
    assert len(store.rows("events")) == 1


@pytest.fixture
def official(served: Served) -> Mixpanel:
    base, known = f"{served.url}/mixpanel", served.credentials["mixpanel"]
    return Mixpanel(
        project_token(ACCOUNTS_PROJECT_ID),
        consumer=Consumer(
            events_url=f"{base}/track",
            people_url=f"{base}/engage",
            groups_url=f"{base}/groups",
            import_url=f"{base}/import",
            credentials=ServiceAccountCredentials(
                username=known["username"],
                secret=known["secret"],
                project_id=str(ACCOUNTS_PROJECT_ID),
            ),
        ),
    )


def test_the_official_library_imports_and_tracks(official, store):
    official.import_data(None, "u1", "Signed Up", TIME, {"$insert_id": "row-1"})
    official.track("u2", "Logged In", {"$insert_id": "row-2"})
    assert [row["insert_id"] for row in store.rows("events")] == ["row-1", "row-2"]
    stored = list(store.events(ACCOUNTS_PROJECT_ID))
    assert all("token" not in row["properties"] for row in stored)
    with pytest.raises(MixpanelException, match="placeholder value"):
        official.import_data(None, "null", "Signed Up", TIME, {"$insert_id": "row-3"})


def test_the_official_library_writes_profiles_that_can_be_queried(served, official, store):
    official.people_set("u1", {"plan": "team"})
    official.people_set_once("u1", {"plan": "free", "first": 1})
    official.people_increment("u1", {"first": 2})
    official.people_append("u1", {"seen": "a"})
    official.people_union("u1", {"seen": ["a", "b"]})
    official.people_set("u2", {"plan": "free"})
    official.people_delete("u2")
    official.group_set("company", "acme", {"tier": "A"})
    assert store.rows("groups")[0]["$properties"]["tier"] == "A"
    known = served.credentials["mixpanel"]
    tool = MixpanelUtils(
        known["secret"], project_id=ACCOUNTS_PROJECT_ID, service_account_username=known["username"]
    )
    tool.formatted_api = f"{served.url}/mixpanel/api"
    [profile] = tool.query_engage()
    assert profile["$distinct_id"] == "u1"
    assert profile["$properties"] | {"$last_seen": ""} == {
        "plan": "team",
        "first": 3,
        "seen": ["a", "b"],
        "$last_seen": "",
    }


def test_profiles_are_paged_by_a_thousand(served, store):
    store.seed(
        "profiles",
        (
            {"project_id": ACCOUNTS_PROJECT_ID, "$distinct_id": f"u{n}", "$properties": {}}
            for n in range(2500)
        ),
    )
    known = served.credentials["mixpanel"]
    tool = MixpanelUtils(
        known["secret"], project_id=ACCOUNTS_PROJECT_ID, service_account_username=known["username"]
    )
    tool.formatted_api = f"{served.url}/mixpanel/api"
    assert len({profile["$distinct_id"] for profile in tool.query_engage()}) == 2500


def test_an_unknown_token_is_a_200_that_says_no(served):
    answer = requests.post(
        f"{served.url}/mixpanel/track?verbose=1",
        json=[{"event": "x", "properties": {"token": "no"}}],
        timeout=9,
    )
    assert (answer.status_code, answer.json()["status"]) == (200, 0)
    plain = requests.post(f"{served.url}/mixpanel/engage", data={"data": "[]x"}, timeout=9)
    assert plain.text == "0"


def test_mixpanel_utils_imports(served, store):
    known = served.credentials["mixpanel"]
    tool = MixpanelUtils(
        known["secret"],
        token=project_token(ACCOUNTS_PROJECT_ID),
        project_id=ACCOUNTS_PROJECT_ID,
        service_account_username=known["username"],
    )
    tool.import_api = f"{served.url}/mixpanel"
    tool.import_events([event(number) for number in range(30)], timezone_offset=0)
    assert store.unique_events(ACCOUNTS_PROJECT_ID) == 30
