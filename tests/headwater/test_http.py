"""The session's rule: what cannot have happened twice is repeated, a lost write never."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headwater.errors import (
    CredentialError,
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.http import ApiSession, BaseUrlAdapter
from headwater.settings import Settings


@dataclass
class Vendor:
    """A server that gives the answers in ``script`` one after the other, then 200."""

    script: list[tuple[int, dict[str, str]] | str] = field(default_factory=list)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    state = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
            step = state.script.pop(0) if state.script else (200, {})
            if step == "drop":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            assert not isinstance(step, str)
            status, headers = step
            self.send_response(status)
            for name, value in ({"Content-Length": "2"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}"[: int(headers.get("Content-Length", 2))])

        do_GET = do_POST = _answer

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


def _session(vendor: Vendor, **kwargs) -> tuple[ApiSession, list[float]]:
    waits: list[float] = []
    sleep: Callable[[float], None] = waits.append
    return ApiSession("Vendor", vendor.url, Settings(http_retries=3), sleep=sleep, **kwargs), waits


def test_a_read_is_repeated_after_5xx_with_growing_waits(vendor):
    vendor.script = [(503, {}), (500, {})]
    session, waits = _session(vendor)
    assert session.call("GET", "/x").status_code == 200
    assert session.calls == 3
    assert waits == sorted(waits) and len(waits) == 2


def test_retry_after_is_obeyed(vendor):
    vendor.script = [(429, {"Retry-After": "7"})]
    session, waits = _session(vendor)
    session.call("POST", "/x")
    assert waits == [7.0]


def test_rate_limits_end_as_an_error_when_they_persist(vendor):
    vendor.script = [(429, {})] * 9
    session, _ = _session(vendor)
    with pytest.raises(RateLimitedError):
        session.call("GET", "/x")
    assert session.calls == 4


def test_a_write_whose_answer_was_lost_is_not_repeated(vendor):
    vendor.script = ["drop"]
    session, _ = _session(vendor)
    with pytest.raises(OutcomeUnknownError, match="sent, but no answer came"):
        session.call("POST", "/x")
    assert len(vendor.seen) == 1


def test_a_write_that_says_it_is_idempotent_is_repeated(vendor):
    vendor.script = ["drop"]
    session, _ = _session(vendor)
    assert session.call("POST", "/x", idempotent=True).status_code == 200
    assert len(vendor.seen) == 2


CUT_SHORT = [
    pytest.param({"Content-Length": "200"}, id="fewer bytes than announced"),
    pytest.param({"Content-Encoding": "gzip"}, id="packed, but damaged"),
]


@pytest.mark.parametrize("headers", CUT_SHORT)
def test_an_answer_cut_short_is_a_lost_connection_and_a_read_is_repeated(vendor, headers):
    vendor.script = [(200, headers), (200, headers)]
    session, _ = _session(vendor)
    assert session.call("GET", "/x").json() == {}
    assert len(vendor.seen) == 3
    vendor.script = [(200, headers)] * 4
    with pytest.raises(VendorUnavailableError, match="broke"):
        session.call("GET", "/x")


@pytest.mark.parametrize("headers", CUT_SHORT)
def test_an_answer_cut_short_leaves_the_outcome_of_a_write_open(vendor, headers):
    vendor.script = [(200, headers)]
    session, _ = _session(vendor)
    with pytest.raises(OutcomeUnknownError, match="no answer came whole"):
        session.call("POST", "/x")
    assert len(vendor.seen) == 1


def test_a_5xx_on_a_write_may_have_happened_and_is_not_repeated(vendor):
    vendor.script = [(502, {})]
    session, _ = _session(vendor)
    with pytest.raises(OutcomeUnknownError, match="502"):
        session.call("POST", "/x")
    assert len(vendor.seen) == 1


def test_401_renews_the_token_once(vendor):
    vendor.script = [(401, {})]
    session, _ = _session(vendor, token=lambda renew: "new" if renew else "old")
    session.call("GET", "/x")
    assert [authorization for _, _, authorization in vendor.seen] == ["old", "new"]


def test_a_refused_credential_names_the_vendor_and_stops(vendor):
    vendor.script = [(403, {})]
    session, _ = _session(vendor)
    with pytest.raises(CredentialError, match="Vendor"):
        session.call("GET", "/x")
    assert len(vendor.seen) == 1


def test_a_rejection_keeps_status_and_body(vendor):
    vendor.script = [(422, {})]
    session, _ = _session(vendor)
    with pytest.raises(VendorRejectedError) as caught:
        session.call("POST", "/x")
    assert (caught.value.status, caught.value.body) == (422, "{}")


def test_a_query_string_never_reaches_an_error(vendor):
    vendor.script = [(404, {})]
    session, _ = _session(vendor)
    with pytest.raises(VendorRejectedError) as caught:
        session.call("GET", "/x?user_key=secret")
    assert "secret" not in str(caught.value)


def test_nobody_listening_says_to_check_the_base_url(vendor):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    session = ApiSession(
        "Vendor", f"http://127.0.0.1:{port}", Settings(http_retries=0), sleep=lambda _: None
    )
    with pytest.raises(VendorUnavailableError, match="base URL"):
        session.call("POST", "/x")


def test_calls_are_paced_on_this_side(vendor):
    session, _ = _session(vendor, calls_per_second=1000)
    for _ in range(5):
        session.call("GET", "/x")
    assert session.calls == 5


def test_base_url_adapter_keeps_path_and_query(vendor):
    session, _ = _session(vendor)
    session.mount("https://", BaseUrlAdapter(vendor.url + "/gateway"))
    session.get("https://acme.my.salesforce.com/services/data?x=1", timeout=5)
    assert vendor.seen[0][:2] == ("GET", "/gateway/services/data?x=1")


def test_an_answer_that_ends_in_the_middle_of_its_json_is_asked_for_again(vendor):
    cut = {"Content-Type": "application/json", "Content-Length": "1"}  # the first byte of {}
    vendor.script = [(200, cut), (200, {"Content-Type": "application/json"})]
    session, _ = _session(vendor)
    assert session.call("GET", "/x").json() == {}
    assert session.calls == 2
    vendor.script = [(200, cut)] * 9
    with pytest.raises(VendorUnavailableError, match="Vendor GET /x: the answer is no whole JSON"):
        session.call("GET", "/x")


def test_a_write_whose_answer_was_cut_off_is_not_repeated(vendor):
    vendor.script = [(201, {"Content-Type": "application/json", "Content-Length": "1"})]
    session, _ = _session(vendor)
    with pytest.raises(OutcomeUnknownError, match="no whole JSON"):
        session.call("POST", "/x")
    assert session.calls == 1


def test_a_vendor_may_read_a_refusal_in_its_own_terms(vendor):
    vendor.script = [(429, {"X-Policy": "day"}), (429, {})]

    def refused(response):
        return QuotaExhaustedError("the day's") if "X-Policy" in response.headers else None

    session, _ = _session(vendor, refused=refused)
    with pytest.raises(QuotaExhaustedError, match="the day's"):
        session.call("GET", "/x")
    assert session.call("GET", "/x").status_code == 200
    assert session.calls == 3
