"""The layer around every vendor: faults, the call log and the control routes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from sandbox.calls import CallLog
from sandbox.faults import Fault, FaultPlan
from sandbox.server import SandboxApp
from sandbox.store import SqliteStore
from tests.sandbox.conftest import NOW, Served


@dataclass
class Echo:
    """A vendor with two routes, counting what reached its handlers."""

    url: str
    faults: FaultPlan
    calls: CallLog
    handled: list[str]


@pytest.fixture
def echo() -> Iterator[Echo]:
    handled: list[str] = []

    async def thing(request: Request) -> Response:
        await request.body()
        handled.append(request.method)
        return PlainTextResponse("0123456789" * 10)

    async def stream(request: Request) -> Response:
        return StreamingResponse(iter([b"line %d\n" % n for n in range(100)]))

    faults, calls = FaultPlan(), CallLog()
    vendor = Starlette(
        routes=[
            Route("/things/{thing_id}", thing, methods=["GET", "POST"]),
            Route("/stream", stream),
        ]
    )
    app = SandboxApp([Mount("/echo", app=vendor)], faults, calls)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield Echo(f"http://127.0.0.1:{listener.getsockname()[1]}/echo", faults, calls, handled)
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


def test_status_answers_before_the_handler_runs(echo: Echo) -> None:
    echo.faults.add(
        Fault(
            "echo",
            "^/things",
            "status",
            params={"status": 503, "body": {"message": "later"}, "headers": {"Retry-After": "7"}},
        )
    )
    answer = requests.post(f"{echo.url}/things/1", data=b"x" * 100_000, timeout=5)
    assert (answer.status_code, answer.json()) == (503, {"message": "later"})
    assert answer.headers["Retry-After"] == "7"
    assert echo.handled == []
    assert requests.post(f"{echo.url}/things/1", timeout=5).status_code == 200


def test_reset_closes_the_connection_before_the_handler_runs(echo: Echo) -> None:
    echo.faults.add(Fault("echo", "things", "reset", times=2))
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{echo.url}/things/1", data=b"x", timeout=5)
    assert echo.handled == []
    assert requests.get(f"{echo.url}/things/1", timeout=5).ok
    assert echo.calls.as_list()[0] == {
        "vendor": "echo",
        "method": "GET",
        "route": "/things/{thing_id}",
        "status": 200,
        "count": 1,
    }


def test_delay_waits_then_answers_as_usual(echo: Echo) -> None:
    echo.faults.add(Fault("echo", "things", "delay", params={"seconds": 0.3}))
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{echo.url}/things/1", timeout=0.05)
    assert requests.get(f"{echo.url}/things/1", timeout=5).ok


def test_lost_response_does_the_work_and_hides_the_answer(echo: Echo) -> None:
    echo.faults.add(Fault("echo", "things", "lost_response"))
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{echo.url}/things/1", data=b"x", timeout=5)
    assert echo.handled == ["POST"]
    echo.faults.add(Fault("echo", "things", "lost_response", params={"status": 503}))
    assert requests.post(f"{echo.url}/things/1", timeout=5).status_code == 503
    assert echo.handled == ["POST", "POST"]


@pytest.mark.parametrize("path", ["things/1", "stream"])
def test_truncate_cuts_the_body_and_the_connection(echo: Echo, path: str) -> None:
    echo.faults.add(Fault("echo", path, "truncate", params={"bytes": 33}))
    received = b""
    with (
        pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)),
        requests.get(f"{echo.url}/{path}", stream=True, timeout=5) as answer,
    ):
        for chunk in answer.iter_content(1):
            received += chunk
    assert len(received) <= 33


@pytest.mark.parametrize("path", ["things/1", "stream"])
def test_truncate_can_end_as_if_whole(echo: Echo, path: str) -> None:
    echo.faults.add(Fault("echo", path, "truncate", params={"bytes": 33, "clean": True}))
    whole = requests.get(f"{echo.url}/{path}", timeout=5)
    assert (whole.status_code, len(whole.content)) == (200, 33)


def test_a_fault_is_for_its_vendor_path_and_method_only(echo: Echo) -> None:
    echo.faults.add(Fault("other", "", "status", params={"status": 500}))
    echo.faults.add(Fault("echo", "^/else", "status", params={"status": 500}))
    echo.faults.add(Fault("echo", "", "status", params={"status": 500, "method": "POST"}))
    assert requests.get(f"{echo.url}/things/1", timeout=5).status_code == 200
    assert requests.post(f"{echo.url}/things/1", timeout=5).status_code == 500
    assert len(echo.faults.all()) == 2


def test_probability_is_drawn_from_the_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        plan = FaultPlan(seed)
        plan.add(Fault("v", "", "locked_row", times=None, probability=0.5))
        return [plan.take("v", "/x", "locked_row") is not None for _ in range(50)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 10 < sum(drawn(1)) < 40


def test_an_impossible_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="probability"):
        FaultPlan().add(Fault("v", "", "status", probability=0))
    with pytest.raises(ValueError, match="times"):
        FaultPlan().add(Fault("v", "", "status", times=0))


def test_the_control_routes(served: Served) -> None:
    base = f"{served.url}/_sandbox"
    assert requests.get(f"{base}/health", timeout=5).json()["status"] == "ok"
    fault = {"vendor": "salesforce", "route": "x", "kind": "status", "params": {"status": 500}}
    assert requests.post(f"{base}/faults", json=fault, timeout=5).status_code == 201
    listed = requests.get(f"{base}/faults", timeout=5).json()["faults"]
    assert listed == [{**fault, "times": 1, "probability": 1.0}]
    assert requests.post(f"{base}/faults", json={"kind": "x"}, timeout=5).status_code == 400
    assert requests.delete(f"{base}/faults", timeout=5).status_code == 204
    assert served.faults.all() == []

    assert requests.get(f"{base}/clock", timeout=5).json() == {"now": NOW.isoformat()}
    later = NOW + timedelta(days=1)
    requests.put(f"{base}/clock", json={"now": later.isoformat()}, timeout=5)
    assert served.clock.now() == later
    assert requests.put(f"{base}/clock", json={"now": "soon"}, timeout=5).status_code == 400

    assert requests.delete(f"{base}/calls", timeout=5).status_code == 204
    assert requests.get(f"{base}/calls", timeout=5).json() == {"total": 0, "calls": []}


def test_a_store_keeps_its_rows_and_rolls_back_as_a_whole(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "deep" / "state.sqlite")
    store.execute("create table thing (id integer primary key, name text)")
    store.executemany("insert into thing values (?, ?)", [(1, "a"), (2, "b")])
    with pytest.raises(RuntimeError), store.transaction():
        store.execute("delete from thing")
        raise RuntimeError
    store.close()
    again = SqliteStore(tmp_path / "deep" / "state.sqlite")
    assert again.execute("select * from thing order by id") == [
        {"id": 1, "name": "a"},
        {"id": 2, "name": "b"},
    ]
    assert again.tuples("select id from thing order by id") == [(1,), (2,)]
    again.close()
