"""The pace of calls: all of a vendor's window alone, a fair part of it beside others."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from headwater.http import ApiSession
from headwater.pace import Pace, remaining_calls, seconds_until_reset
from headwater.settings import Settings
from sandbox.vendors.rate_window import RateWindow, vendor_seconds
from tests.sandbox.conftest import Served, served  # noqa: F401 (fixture)


@dataclass
class Time:
    at: float = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.at += seconds


@dataclass
class Vendor:
    """The vendor's window on that time; ``others`` calls of it are taken by other programs."""

    limit: int
    seconds: float
    time: Time
    others: int = 0

    def __post_init__(self) -> None:
        self.taken: list[float] = []
        self.refused = 0

    def call(self) -> int | None:
        """What is left, or None for a refused call."""
        self.taken = [at for at in self.taken if self.time.at - at < self.seconds]
        if len(self.taken) >= self.limit - self.others:
            self.refused += 1
            return None
        self.taken.append(self.time.at)
        return self.limit - self.others - len(self.taken)


def use(pace: Pace, vendor: Vendor, until: float, *, told: bool) -> int:
    """Call as fast as the pace allows; how many calls were taken."""
    made = 0
    while vendor.time.at < until:
        pace.take()
        vendor.time.at += 0.001
        left = vendor.call()
        made += left is not None
        if left is None:
            pace.slow_down()
        elif told:
            pace.told(left)
    return made


@pytest.mark.parametrize("told", [False, True])
def test_alone_nearly_all_of_the_window_is_used_and_no_call_is_refused(told):
    time = Time()
    vendor = Vendor(100, 10, time)
    made = use(Pace(100, 10, now=time.now, sleep=time.sleep), vendor, 200, told=told)
    assert vendor.refused == 0
    assert made >= 0.95 * 20 * 100


@pytest.mark.parametrize(("told", "most_refused"), [(False, 0.03), (True, 0.0)])
def test_beside_others_it_backs_off_and_afterwards_it_recovers(told, most_refused):
    """A tenth of the calls more per window until one is refused: the saw-tooth of AIMD."""
    time = Time()
    pace = Pace(100, 10, now=time.now, sleep=time.sleep)
    vendor = Vendor(100, 10, time, others=60)
    made = use(pace, vendor, 400, told=told)
    assert vendor.refused <= most_refused * made
    assert made >= 0.9 * 40 * 40, "most of what the others leave"
    vendor.others = 0
    use(pace, vendor, 520, told=told)
    assert pace.allowed >= 95


def test_nothing_is_called_before_the_vendor_wants_it_and_one_overload_halves_once():
    time = Time()
    pace = Pace(100, 10, now=time.now, sleep=time.sleep)
    for _ in range(5):
        pace.slow_down(retry_after=7)
    assert pace.allowed == 50
    pace.take()
    assert time.at == pytest.approx(7)
    time.at = 10
    pace.slow_down()
    assert pace.allowed in (25, 30)


def test_hubspots_window_is_shared_with_another_program(served: Served):  # noqa: F811
    """Against the sandbox, whose clock does the waiting: the other takes half of the window."""
    store, clock = served.stores["hubspot"], served.clock
    store.ten_seconds = RateWindow(40, 10, clock)

    def sleep(seconds: float) -> None:
        clock.set(clock.now().__class__.fromtimestamp(clock.now().timestamp() + seconds,
                                                      clock.now().tzinfo))  # fmt: skip

    token = served.credentials["hubspot"]["access_token"]
    session = ApiSession(
        "HubSpot", f"{served.url}/hubspot", Settings(), calls_per_second=4, window_seconds=10,
        token=lambda _: f"Bearer {token}", sleep=sleep, now=lambda: vendor_seconds(clock),
    )  # fmt: skip
    start, others = vendor_seconds(clock), 0
    for number in range(120):
        session.call("GET", "/crm/v3/objects/contacts", params={"limit": "1"})
        if number % 2:
            others += store.ten_seconds.take().allowed
    refused = sum(call["count"] for call in served.calls.as_list() if call["status"] == 429)
    windows = (vendor_seconds(clock) - start) / 10
    assert refused <= 0.03 * session.calls
    assert others >= 0.9 * 60, "the other one gets its part"
    assert session.calls / windows >= 0.6 * 40 * 2 / 3


def test_what_vendors_say_of_their_window():
    assert remaining_calls({}) is None
    assert remaining_calls({"X-HubSpot-RateLimit-Remaining": "12"}) == 12
    assert remaining_calls({"X-RateLimit-Remaining": "9999, 19988"}) == 9999
    route = {"X-Ratelimit-Global-Remaining": "50", "X-Ratelimit-Route-Remaining": "3"}
    assert remaining_calls(route) == 3
    assert seconds_until_reset({"X-RateLimit-Reset": "1700000005"}, 1_700_000_000) == 5
    assert seconds_until_reset({"X-RateLimit-Reset": "1700000002500"}, 1_700_000_000) == 2.5
    assert seconds_until_reset({"X-RateLimit-Reset": "soon"}, 1_700_000_000) is None
