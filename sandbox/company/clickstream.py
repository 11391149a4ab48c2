"""The clickstream as columns: lifecycle actions, members' days, orders, visitors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.company.agents import Action, ProductLife, Workspace
from sandbox.company.dice import Dice
from sandbox.company.orders import Ints, Orders, Rosters
from sandbox.company.product_life import UTM_CHOICES
from sandbox.company.sizes import Size
from sandbox.company.timeline import ALL_DAYS, DAY_WEEKDAY, EPOCH, HORIZON

PLATFORMS = ("web", "ios", "android")
NOISE = (
    ("Logged In", 0.16),
    ("Menu Viewed", 0.26),
    ("Search Performed", 0.16),
    ("Favourite Added", 0.08),
    ("Guest Joined", 0.06),
    ("Group Order Shared", 0.07),
    ("Profile Edited", 0.05),
    ("Report Exported", 0.05),
    ("Notification Changed", 0.05),
    ("Calendar Connected", 0.03),
    ("Page Viewed", 0.03),
)
EVENTS = tuple(
    dict.fromkeys(
        [
            *(name for name, _ in NOISE),
            "Pricing Viewed",
            "Newsletter Subscribed",
            "Signed Up",
            "Workspace Created",
            "Invite Sent",
            "Invite Accepted",
            "Group Order Created",
            "Order Line Added",
            "Group Order Placed",
            "Slack Connected",
            "Budget Rule Created",
            "Billing Viewed",
            "Receipt Downloaded",
            "Plan Upgraded",
        ]
    )
)
EVENT_NUMBER = {name: number for number, name in enumerate(EVENTS)}
SHARED = EVENT_NUMBER["Group Order Shared"]
FIRST_WEEK = 7.2
"""Days in which bulk events leave out ``Group Order Shared``: the moments stay as planted."""


@dataclass
class Columns:
    """Parallel arrays, one entry per event. ``t`` is in epoch seconds; 0 means none in ``user``
    and ``workspace``, -1 in ``url`` and ``email`` (positions in the dictionaries beside them).
    """

    event: Ints
    t: Ints
    device: Ints
    user: Ints
    workspace: Ints
    platform: Ints
    url: Ints
    utm: Ints
    email: Ints

    def take(self, which: Ints | NDArray[np.bool_]) -> Columns:
        """These entries."""
        return Columns(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def concatenate(parts: list[Columns]) -> Columns:
    """All parts, one after the other."""
    names = Columns.__dataclass_fields__
    return Columns(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


class Clickstream:
    """Collects events; ``devices``, ``urls`` and ``emails`` are the dictionaries."""

    def __init__(self, seed: int) -> None:
        self._rng = Dice(seed, "clickstream").rng
        self._devices: dict[str, int] = {}
        self._urls: dict[str, int] = {}
        self._emails: dict[str, int] = {}

    @property
    def devices(self) -> list[str]:
        """Device ids by number."""
        return list(self._devices)

    @property
    def urls(self) -> list[str]:
        """Pages by number."""
        return list(self._urls)

    @property
    def emails(self) -> list[str]:
        """Typed addresses by number."""
        return list(self._emails)

    def device(self, device_id: str) -> int:
        """The number of a device id."""
        return self._devices.setdefault(device_id, len(self._devices))

    def actions(self, life: ProductLife) -> Columns:
        """Lifecycle actions inside the world, of users and workspaces that were there."""
        actions = [a for a in life.actions if _happened(a)]
        return Columns(
            event=_ints(EVENT_NUMBER[a.event] for a in actions),
            t=_ints(EPOCH + int(a.t * 86_400) for a in actions),
            device=_ints(self.device(a.device.id) for a in actions),
            user=_ints(a.user.id if a.user else 0 for a in actions),
            workspace=_ints(a.workspace.id if a.workspace else 0 for a in actions),
            platform=_ints(PLATFORMS.index(a.device.platform) for a in actions),
            url=_ints(self._url(a.url) for a in actions),
            utm=_ints(a.utm for a in actions),
            email=_ints(self._email(a.email) for a in actions),
        )

    def member_days(self, life: ProductLife, size: Size) -> Columns:
        """What members do beside ordering: log in, look, search, share."""
        rng, members = self._rng, life.members
        start = np.array([m.joined for m in members]) + 0.01
        end = np.array([_end(m.left, m.user.deleted, m.workspace.deleted) for m in members])
        span = np.clip(end - start, 0, None)
        activity = np.array([m.workspace.activity for m in members])
        rate = size.events_per_member / 100 * activity * rng.lognormal(-0.3, 0.8, len(members))
        count = rng.poisson(rate * span)
        who = np.repeat(np.arange(len(members)), count)
        t = start[who] + span[who] * rng.random(len(who)) ** 1.25
        t = np.maximum(_office_hours(rng, t), start[who])
        keep = t < end[who]
        who, t = who[keep], t[keep]
        names = np.array([EVENT_NUMBER[name] for name, _ in NOISE])
        event = names[rng.choice(len(NOISE), size=len(who), p=_shares())]
        created = np.array([m.workspace.created for m in members])[who]
        soon = (event == SHARED) & (t < created + FIRST_WEEK)
        event = np.where(soon, EVENT_NUMBER["Menu Viewed"], event)
        user = np.array([m.user.id for m in members])[who]
        workspace = np.array([m.workspace.id for m in members])[who]
        device, platform = self._pick_devices(life, members_index=who, t=t)
        none = np.full(len(who), -1)
        return Columns(event, _seconds(t), device, user, workspace, platform, none, none * 0, none)

    def _pick_devices(
        self, life: ProductLife, *, members_index: Ints, t: NDArray[np.float64]
    ) -> tuple[Ints, Ints]:
        """One of the devices that the member owns at that time."""
        members, most = life.members, 3
        number = np.zeros((len(members), most), dtype=np.int64)
        since = np.full((len(members), most), np.inf)
        platform = np.zeros((len(members), most), dtype=np.int64)
        count = np.ones(len(members), dtype=np.int64)
        for row, member in enumerate(members):
            devices = member.user.human.devices[:most]
            count[row] = len(devices)
            for place, device in enumerate(devices):
                number[row, place] = self.device(device.id)
                since[row, place] = device.since
                platform[row, place] = PLATFORMS.index(device.platform)
        place = np.floor(self._rng.random(len(t)) * count[members_index]).astype(np.int64)
        early = since[members_index, place] + 0.01 > t
        place = np.where(early, 0, place)
        return number[members_index, place], platform[members_index, place]

    def orders(
        self, orders: Orders, rosters: Rosters, workspaces: list[Workspace], size: Size
    ) -> Columns:
        """Created, some lines, placed: as far as apps show them (calls by API leave no events)."""
        rng = self._rng
        user = np.array([m.user.id for m in rosters.members])[orders.organiser]
        device = np.array([self.device(m.user.device.id) for m in rosters.members])
        platform = np.array([PLATFORMS.index(m.user.device.platform) for m in rosters.members])
        workspace = np.array([w.id for w in workspaces])[orders.workspace]
        shown = np.minimum(orders.lines, size.order_lines_shown)
        seen = rng.random(len(user)) < size.orders_shown
        shown = np.where(seen & (rng.random(len(shown)) < 0.8), shown, 0)
        which = np.arange(len(user))
        index = np.concatenate([which[seen], np.repeat(which, shown), which[seen]])
        kinds = ("Group Order Created", "Order Line Added", "Group Order Placed")
        counts = (int(seen.sum()), int(shown.sum()), int(seen.sum()))
        event = np.repeat([EVENT_NUMBER[kind] for kind in kinds], counts)
        delay = np.concatenate(
            [
                np.zeros(counts[0], dtype=np.int64),
                rng.integers(60, 2_400, counts[1]),
                rng.integers(2_400, 3_600, counts[2]),
            ]
        )
        none = np.full(len(index), -1)
        return Columns(
            event,
            orders.created[index] + delay,
            device[orders.organiser][index],
            user[index],
            workspace[index],
            platform[orders.organiser][index],
            none,
            none * 0,
            none,
        )

    def visitors(self, users: int, size: Size) -> Columns:
        """People who look at the site and never sign up."""
        rng = self._rng
        count = int(users * size.visitors_per_user)
        base = len(self._devices)
        for number in range(count):
            self._devices[rng.bytes(16).hex()] = base + number
        pages = 1 + rng.poisson(0.6, count)
        device = np.repeat(base + np.arange(count), pages)
        t = np.repeat(rng.random(count) * (ALL_DAYS - 2), pages) + rng.random(len(device)) * 0.05
        pricing = rng.random(len(device)) < 0.2
        event = np.where(pricing, EVENT_NUMBER["Pricing Viewed"], EVENT_NUMBER["Page Viewed"])
        home = self._url("https://groupgrub.com/")
        url = np.where(pricing, self._url("https://groupgrub.com/pricing"), home)
        utm = np.repeat(rng.integers(0, len(UTM_CHOICES), count), pages)
        zero = np.zeros(len(device), dtype=np.int64)
        return Columns(event, _seconds(t), device, zero, zero, zero, url, utm, zero - 1)

    def _url(self, url: str | None) -> int:
        return -1 if url is None else self._urls.setdefault(url, len(self._urls))

    def _email(self, email: str | None) -> int:
        return -1 if email is None else self._emails.setdefault(email, len(self._emails))


def _happened(action: Action) -> bool:
    ends = [HORIZON]
    if action.user:
        if not action.user.id:
            return False
        ends.append(action.user.deleted or HORIZON)
    if action.workspace:
        ends.append(action.workspace.deleted or HORIZON)
    return 0 <= action.t < min(ends)


def _ints(values: object) -> Ints:
    return np.fromiter(values, dtype=np.int64)  # type: ignore[call-overload,no-any-return]


def _end(*ends: float | None) -> float:
    return min([HORIZON, *(end for end in ends if end is not None)])


def _shares() -> list[float]:
    total = sum(share for _, share in NOISE)
    return [share / total for _, share in NOISE]


def _seconds(t: NDArray[np.float64]) -> Ints:
    return EPOCH + np.floor(t * 86_400).astype(np.int64)


def _office_hours(rng: np.random.Generator, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Most of it on weekdays between 7 and 19 o'clock UTC."""
    day = np.clip(np.floor(t).astype(np.int64), 0, ALL_DAYS - 1)
    weekday = DAY_WEEKDAY[day]
    back = np.where((weekday >= 5) & (rng.random(len(t)) < 0.85), weekday - 4, 0)
    hour = np.clip(rng.normal(12.5, 3.0, len(t)), 0.05, 23.9)
    moved: NDArray[np.float64] = day - back + hour / 24
    return moved
