"""Segments and flags by REST; the real SDK sees what was written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ldclient
import pytest
import requests
from ldclient import Context
from ldclient.config import Config

from sandbox.vendors.launchdarkly.store import Store
from tests.sandbox.conftest import Served

SEGMENT = "/segments/groupgrub/production"
SEMANTIC = "application/json; domain-model=launchdarkly.semanticpatch"


@pytest.fixture
def store(served: Served) -> Store:
    return served.stores["launchdarkly"]


@pytest.fixture
def call(served: Served) -> Callable[..., requests.Response]:
    token = served.credentials["launchdarkly"]["access_token"]

    def ask(method: str, path: str, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": token, **kwargs.pop("headers", {})}
        url = f"{served.url}/launchdarkly/api/v2{path}"
        return requests.request(method, url, headers=headers, timeout=9, **kwargs)

    return ask


@pytest.fixture
def patch(call):
    def ask(*instructions: dict[str, Any], key: str = "paywall", **query: Any) -> requests.Response:
        body = {"environmentKey": "production", "instructions": list(instructions)}
        headers = {"Content-Type": SEMANTIC}
        return call("PATCH", f"{SEGMENT}/{key}", json=body, headers=headers, params=query)

    return ask


@pytest.fixture
def segment(call) -> dict[str, Any]:
    answer = call("POST", SEGMENT, json={"key": "paywall", "name": "Paywall"})
    assert answer.status_code == 201
    return answer.json()


def add(*values: str, kind: str = "workspace", side: str = "Included") -> dict[str, Any]:
    return {"kind": f"add{side}Targets", "contextKind": kind, "values": list(values)}


def remove(*values: str, kind: str = "workspace") -> dict[str, Any]:
    return {"kind": "removeIncludedTargets", "contextKind": kind, "values": list(values)}


def test_targets_of_users_and_of_other_kinds(patch, segment, store, served):
    answer = patch(add("w1", "w2"), add("u1", kind="user"), remove("w1"))
    assert answer.status_code == 200
    body = answer.json()
    assert body["included"] == ["u1"]
    assert body["includedContexts"] == [{"contextKind": "workspace", "values": ["w2"]}]
    assert body["version"] == segment["version"] + 1
    assert Store(served.home, served.clock).rows("segments") == store.rows("segments")


def test_a_patch_that_changes_nothing_keeps_the_version(patch, segment):
    version = patch(add("w1")).json()["version"]
    assert patch(add("w1"), remove("w9")).json()["version"] == version


def test_a_dry_run_shows_and_stores_nothing(patch, segment, store):
    assert patch(add("w1"), dryRun="true").json()["includedContexts"]
    assert store.rows("segments")[0]["includedContexts"] == []


def test_the_limits_of_a_standard_segment(patch, segment):
    assert patch(add(*(f"w{n}" for n in range(1500)))).status_code == 200
    over = patch(add(*(f"w{n}" for n in range(1500, 2500))), remove(*(f"w{n}" for n in range(501))))
    assert over.json()["message"] == "At most 1500 target operations are allowed, got 1501"
    for start in range(1500, 15_000, 1500):
        assert patch(add(*(f"w{n}" for n in range(start, start + 1500)))).ok
    full = patch(add("one-more"))
    assert (full.status_code, full.json()["code"]) == (400, "invalid_request")
    assert "15000 entries" in full.json()["message"]


def test_a_key_is_not_included_and_excluded_at_once(patch, segment, store):
    answer = patch(add("w1"), add("w2", "w1", side="Excluded"))
    assert answer.status_code == 400
    assert answer.json()["message"] == "A key cannot be both included and excluded: w1"
    assert store.rows("segments")[0]["includedContexts"] == []


def test_one_bad_instruction_fails_the_request(patch, segment, store):
    assert patch(add("w1"), {"kind": "addNonsense"}).status_code == 400
    assert store.rows("segments")[0]["version"] == segment["version"]


def test_rules_and_tags(patch, segment):
    clause = {"attribute": "plan", "op": "in", "values": ["free"]}
    body = patch(
        {"kind": "addRule", "clauses": [clause]},
        {"kind": "addTags", "values": ["plg"]},
        {"kind": "updateName", "value": "Paywall 2"},
    ).json()
    [rule] = body["rules"]
    names = {"ruleId": rule["_id"], "clauseId": rule["clauses"][0]["_id"]}
    body = patch({"kind": "addValuesToClause", **names, "values": ["team"]}).json()
    assert body["rules"][0]["clauses"][0]["values"] == ["free", "team"]
    assert (body["name"], body["tags"]) == ("Paywall 2", ["plg"])
    body = patch({"kind": "removeRule", "ruleId": rule["_id"]}).json()
    assert body["rules"] == []
    assert patch({"kind": "removeRule", "ruleId": rule["_id"]}).status_code == 400


def test_json_patch_and_its_optimistic_lock(call, segment):
    version = segment["version"]
    operations = [
        {"op": "test", "path": "/version", "value": version},
        {"op": "add", "path": "/included/-", "value": "u1"},
        {"op": "replace", "path": "/name", "value": "Renamed"},
    ]
    answer = call("PATCH", f"{SEGMENT}/paywall", json=operations)
    assert (answer.json()["included"], answer.json()["name"]) == (["u1"], "Renamed")
    stale = call("PATCH", f"{SEGMENT}/paywall", json={"patch": operations, "comment": "again"})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    other = [{"op": "replace", "path": "/key", "value": "x"}]
    assert call("PATCH", f"{SEGMENT}/paywall", json=other).status_code == 400


def test_merge_patch(call, segment):
    answer = call("PATCH", f"{SEGMENT}/paywall", json={"merge": {"description": "Overage"}})
    assert answer.json()["description"] == "Overage"


def test_the_patchs_type_must_fit_its_body(call, segment):
    body = {"instructions": [add("w1")]}
    assert call("PATCH", f"{SEGMENT}/paywall", json=body).status_code == 400
    headers = {"Content-Type": SEMANTIC}
    assert call("PATCH", f"{SEGMENT}/paywall", json=[], headers=headers).status_code == 422


def test_lists_are_paged_filtered_and_sorted(call):
    for number in range(25):
        call("POST", SEGMENT, json={"key": f"s-{number:02}", "name": f"Segment {number:02}"})
    page = call("GET", SEGMENT).json()
    assert (len(page["items"]), page["totalCount"]) == (20, 25)
    rest = call("GET", SEGMENT, params={"limit": 20, "offset": 20, "sort": "-name"}).json()
    assert [each["key"] for each in rest["items"]] == [f"s-{n:02}" for n in (4, 3, 2, 1, 0)]
    assert call("GET", SEGMENT, params={"filter": "query:11"}).json()["totalCount"] == 1


def test_keys_are_unique_and_versions_rise_over_a_deletion(call, patch, segment):
    again = call("POST", SEGMENT, json={"key": "paywall", "name": "Paywall"})
    assert (again.status_code, again.json()["message"]) == (
        409,
        "A segment with that key already exists",
    )
    version = patch(add("w1")).json()["version"]
    assert call("DELETE", f"{SEGMENT}/paywall").status_code == 204
    assert call("GET", f"{SEGMENT}/paywall").json()["code"] == "not_found"
    made = call("POST", SEGMENT, json={"key": "paywall", "name": "Paywall"}).json()
    assert made["version"] > version
    assert made["includedContexts"] == []


def test_big_segments_are_changed_through_their_contexts(call, patch, store):
    call("POST", SEGMENT, json={"key": "big", "name": "Big", "unbounded": True})
    changes = {"included": {"add": ["u1", "u2"]}, "excluded": {"add": ["u3"]}}
    assert call("POST", f"{SEGMENT}/big/contexts", json=changes).status_code == 204
    assert call("GET", f"{SEGMENT}/big/contexts/u1").json()["included"] is True
    assert call("GET", f"{SEGMENT}/big/contexts/u9").status_code == 404
    assert patch(add("w1"), key="big").status_code == 400
    assert "big" not in store.sdk_data()["segments"]


def test_token_project_and_environment(call, served):
    bearer = f"Bearer {served.credentials['launchdarkly']['access_token']}"
    wrong = call("GET", SEGMENT, headers={"Authorization": bearer})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "unauthorized")
    assert call("GET", "/segments/other/production").status_code == 404
    assert call("GET", "/segments/groupgrub/test").status_code == 404


def test_rate_limits_and_their_headers(call, store):
    store.route_limit.limit, store.route_limit.seconds = 2, 3600
    first = call("GET", SEGMENT)
    assert first.headers["X-Ratelimit-Route-Remaining"] == "1"
    assert first.headers["X-Ratelimit-Global-Limit"] == "200"
    assert int(first.headers["X-Ratelimit-Reset"]) > time.time() * 1000
    assert [call("GET", SEGMENT).status_code for _ in range(2)] == [200, 429]
    refused = call("GET", SEGMENT)
    assert refused.json()["code"] == "rate_limited"
    assert refused.headers["X-Ratelimit-Route-Remaining"] == "0"
    assert call("GET", f"{SEGMENT}/none").status_code == 404  # another route


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("rate_limit", 429),
        ("ip_limit", 429),
        ("conflict", 409),
        ("approval_required", 405),
        ("forbidden", 403),
    ],
)
def test_misbehaviour_on_demand(call, served, kind, status):
    served.fault("launchdarkly", "segments", kind)
    answer = call("GET", SEGMENT)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (kind == "ip_limit")
    assert call("GET", SEGMENT).status_code == 200


def test_the_generated_client_reads_and_writes(served, patch):
    # Six seconds of imports: not for every process that collects the tests.
    from launchdarkly_api import ApiClient, Configuration, SegmentBody
    from launchdarkly_api.api.segments_api import SegmentsApi
    from launchdarkly_api.exceptions import ApiException

    configuration = Configuration(host=f"{served.url}/launchdarkly")
    configuration.api_key["ApiKey"] = served.credentials["launchdarkly"]["access_token"]
    with ApiClient(configuration) as client:
        api = SegmentsApi(client)
        api.post_segment("groupgrub", "production", SegmentBody(key="paywall", name="Paywall"))
        patch(add("w1"))
        got = api.get_segment("groupgrub", "production", "paywall")
        assert got.included_contexts[0].values == ["w1"]
        assert api.get_segments("groupgrub", "production").total_count == 1
        api.delete_segment("groupgrub", "production", "paywall")
        with pytest.raises(ApiException) as caught:
            api.get_segment("groupgrub", "production", "paywall")
        assert caught.value.status == 404


@pytest.fixture
def flag(call, segment) -> str:
    """A flag that is true for members of the segment."""
    made = call("POST", "/flags/groupgrub", json={"key": "show-paywall", "name": "Paywall"}).json()
    yes, no = (variation["_id"] for variation in made["variations"])
    clause = {"op": "segmentMatch", "attribute": "segmentMatch", "values": ["paywall"]}
    body = {
        "environmentKey": "production",
        "instructions": [
            {"kind": "turnFlagOn"},
            {"kind": "updateFallthroughVariationOrRollout", "variationId": no},
            {"kind": "addRule", "variationId": yes, "clauses": [clause]},
        ],
    }
    headers = {"Content-Type": SEMANTIC}
    answer = call("PATCH", "/flags/groupgrub/show-paywall", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return "show-paywall"


@contextmanager
def opened(served: Served, *, stream: bool) -> Iterator[ldclient.LDClient]:
    base = f"{served.url}/launchdarkly"
    key = served.credentials["launchdarkly"]["sdk_key"]
    config = Config(key, base_uri=base, stream_uri=base, events_uri=base, stream=stream)
    client = ldclient.LDClient(config, start_wait=5)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def sdk(served: Served, flag) -> Iterator[ldclient.LDClient]:
    with opened(served, stream=True) as client:
        yield client


def eventually(check: Callable[[], bool]) -> bool:
    """Whether the check holds within a few seconds."""
    waiting = threading.Event()
    return any(check() or waiting.wait(0.05) for _ in range(100))


def test_the_sdk_sees_a_segment_that_was_written_by_rest(sdk, flag, patch, served, store):
    workspace = Context.create("w1", "workspace")
    assert sdk.is_initialized()
    assert sdk.variation(flag, workspace, None) is False
    patch(add("w1"))
    assert eventually(lambda: sdk.variation(flag, workspace, None) is True)
    patch(remove("w1"))
    assert eventually(lambda: sdk.variation(flag, workspace, None) is False)
    sdk.flush()
    assert eventually(lambda: any(row["path"] == "/bulk" for row in store.rows("sdk_events")))


def test_the_polling_sdk_sees_it_when_it_reads(served, flag, patch):
    patch(add("w1"))
    with opened(served, stream=False) as client:
        assert client.variation(flag, Context.create("w1", "workspace"), None) is True
        assert client.variation(flag, Context.create("w2", "workspace"), None) is False


def test_excluded_loses_to_included_and_rules_come_last(sdk, flag, patch):
    patch(
        {"kind": "addRule", "clauses": [{"attribute": "key", "op": "startsWith", "values": ["u"]}]},
        add("u2", kind="user", side="Excluded"),
    )
    assert eventually(lambda: sdk.variation(flag, Context.create("u1"), None) is True)
    assert sdk.variation(flag, Context.create("u2"), None) is False


def test_polling_answers_304_and_a_wrong_sdk_key_401(served, flag):
    url = f"{served.url}/launchdarkly/sdk/latest-all"
    key = {"Authorization": served.credentials["launchdarkly"]["sdk_key"]}
    first = requests.get(url, headers=key, timeout=9)
    again = requests.get(url, headers={**key, "If-None-Match": first.headers["ETag"]}, timeout=9)
    assert (first.status_code, again.status_code) == (200, 304)
    for path in ("/sdk/latest-all", "/all"):
        refused = requests.get(
            f"{served.url}/launchdarkly{path}", headers={"Authorization": "sdk-wrong"}, timeout=9
        )
        assert refused.status_code == 401


def test_a_segment_in_use_cannot_be_deleted_and_targets_have_one_variation(call, flag):
    refused = call("DELETE", f"{SEGMENT}/paywall")
    assert refused.status_code == 409
    assert call("GET", f"{SEGMENT}/paywall").json()["_flags"][0]["key"] == flag
    made = call("GET", f"/flags/groupgrub/{flag}").json()
    instructions = [
        {"kind": "addTargets", "variationId": variation["_id"], "values": ["u1"]}
        for variation in made["variations"]
    ]
    body = {"environmentKey": "production", "instructions": instructions}
    answer = call(
        "PATCH", f"/flags/groupgrub/{flag}", json=body, headers={"Content-Type": SEMANTIC}
    )
    assert answer.json()["message"] == "The context u1 is a target of two variations"
