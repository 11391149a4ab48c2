"""A world whose people and accounts are known by hand: the traps of identity, one of each."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.dbt.growth.raw import RawWorld

Row = tuple[str, str, dict[str, Any]]

MORNING = datetime(2025, 8, 1, 9)
ZEROS = "00000000-0000-0000-0000-000000000000"
ACME, ACME_OLD, ACME_TWIN, GLOBEX = (f"001{n:012d}AAA" for n in (1, 2, 3, 4))

MERGES = (("hubspot", "contacts", "503", "501"), ("marketo", "leads", "702", "701"))

WEBSITES: dict[str, str | None] = {
    "https://www.Acme.com/p?x": "acme.com",
    "http://u:p@eu.app.acme.co.uk:8080": "acme.co.uk",
    "acme": None,
    "10.0.0.1": None,
    "http://10.0.0.1/x": None,
    "http://[::1]/": None,
    "acme.github.io": "acme.github.io",
    "github.io": None,
    "www.github.io": None,
    "co.uk": None,
    "www.com": "www.com",
    "https://acme.com.": "acme.com",
    "//cdn.acme.com/a.js": "acme.com",
    "mailto:joe@mail.acme.co.uk": "acme.co.uk",
    "\u00a0 ACME.de \u200b": "acme.de",
    "http://localhost:3000": None,
    "shop.acme.test": None,
    "intranet.local": None,
    "foo.ck": None,
    "shop.foo.ck": "shop.foo.ck",
    "www.ck": "www.ck",
    "a.www.ck": "www.ck",
    "city.kawasaki.jp": "city.kawasaki.jp",
    "x.y.kawasaki.jp": "x.y.kawasaki.jp",
    "müller.de": "müller.de",
    "xn--mller-kva.de": "xn--mller-kva.de",
    "n/a": None,
    "": None,
    "acme,com": None,
    "a" * 250 + ".com": None,
    "acme.com?utm=x": "acme.com",
    "acme.com#top": "acme.com",
    "ftp://files.acme.com": "acme.com",
    "acme.nonesuchtld": "acme.nonesuchtld",
}


def lead(number: int) -> str:
    """An 18-character lead id."""
    return f"00Q{number:012d}AAA"


def contact(number: int) -> str:
    """An 18-character contact id."""
    return f"003{number:012d}AAA"


def rows() -> list[Row]:
    """All raw rows of the world."""
    return [
        *_product(),
        *_events(),
        *_salesforce(),
        *_hubspot(),
        *_marketo(),
        *_outreach(),
        *_websites(),
        *_merge_chains(),
    ]


def write(path: Path, world: list[Row]) -> None:
    """A new warehouse with these rows, in this order."""
    raw = RawWorld()
    for source, stream, values in world:
        raw.add(source, stream, **values)
    for source, stream, loser, winner in MERGES:
        raw.add_merge(source, stream, loser, winner)
    raw.write(path)


def _product() -> list[Row]:
    users = (
        (1, "Ana@ACME.com", "ana-laptop"),
        (2, "bob+grub@acme.com", "kitchen-tablet"),
        (3, "cleo@acme.com", "kitchen-tablet"),
        (4, "dan@gmail.com", "dan-phone-1"),
        (5, "eve@agency.io", "eve-laptop"),
        (6, "office@acme.com", None),
        (7, "staff@groupgrub.com", "staff-laptop"),
    )
    result: list[Row] = [
        (
            "product",
            "users",
            {
                "id": number,
                "email": email,
                "signup_anonymous_id": device,
                "created_at": MORNING + timedelta(hours=number),
                "is_staff": number == 7,
            },
        )
        for number, email, device in users
    ]
    organizations: tuple[dict[str, Any], ...] = (
        {"id": 1, "salesforce_account_id": ACME_OLD[:15], "created_by_user_id": 1},
        {"id": 2, "created_by_user_id": 3},
        {"id": 3, "created_by_user_id": 4},
        {"id": 4, "salesforce_account_id": "not an id", "created_by_user_id": 4},
    )
    result += [("product", "organizations", {"name": f"Org {o['id']}", **o}) for o in organizations]
    result += [
        ("product", "workspaces", {"id": 10 * n, "organization_id": n, "motion": "self_serve"})
        for n in (1, 2, 3, 4)
    ]
    members = ((1, 10, None), (2, 10, 1), (5, 10, 1), (3, 20, None), (4, 30, None), (6, 20, 3))
    result += [
        (
            "product",
            "memberships",
            {
                "id": n,
                "user_id": user,
                "workspace_id": workspace,
                "role": "member",
                "invited_by_user_id": inviter,
                "joined_at": MORNING + timedelta(days=n),
            },
        )
        for n, (user, workspace, inviter) in enumerate(members, start=1)
    ]
    return result


def _event(number: int, name: str, device: str | None, user: int | None, **more: Any) -> Row:
    return (
        "mixpanel",
        "events",
        {
            "event": name,
            "event_at": MORNING + timedelta(minutes=number),
            "distinct_id": str(user) if user else f"$device:{device}",
            "insert_id": f"insert-{number}",
            "device_id": device,
            "user_id": str(user) if user else None,
            "environment": "production",
            **more,
        },
    )


def _events() -> list[Row]:
    first = _event(1, "Page Viewed", "ana-laptop", None)
    again = (
        *first[:2],
        {**first[2], "insert_id": "insert-1b", "event_at": MORNING + timedelta(seconds=61)},
    )
    return [
        first,
        again,
        _event(2, "Logged In", "ana-laptop", 1),
        _event(3, "Page Viewed", "kitchen-tablet", None),
        _event(4, "Logged In", "kitchen-tablet", 2),
        _event(5, "Logged In", "kitchen-tablet", 3),
        _event(6, "Logged In", ZEROS, 1),
        _event(7, "Logged In", ZEROS, 4),
        _event(8, "Newsletter Subscribed", "visitor-tablet", None, email="fay@newco.io"),
        _event(9, "Logged In", "ana-laptop", 1, environment="staging"),
        _event(10, "Logged In", "bot-device", 1, user_agent="Mozilla/5.0 HeadlessChrome"),
        _event(11, "Logged In", "dan-phone-2", 4),
        _event(12, "Logged In", "staff-laptop", 7),
        _event(13, "Page Viewed", "staff-laptop", None),
        _event(14, "Order Line Added", "ana-laptop", 1),
        (
            *_event(14, "Order Line Added", "ana-laptop", 1)[:2],
            {**_event(14, "Order Line Added", "ana-laptop", 1)[2], "insert_id": "insert-14b"},
        ),
    ]


def _salesforce() -> list[Row]:
    accounts: tuple[dict[str, Any], ...] = (
        {"id": ACME, "name": "Acme Inc.", "website": "https://www.acme.com/"},
        {"id": ACME_OLD, "name": "Acme", "is_deleted": True, "master_record_id": ACME},
        {
            "id": ACME_TWIN,
            "name": "ACME",
            "website": "acme.com",
            "created_at": datetime(2025, 7, 1),
        },
        {
            "id": GLOBEX,
            "name": "Globex Widgets GmbH",
            "website": "linkedin.com/company/globex",
            "billing_country": "Germany",
        },
    )
    leads: tuple[dict[str, Any], ...] = (
        {"id": lead(1), "email": "ana@acme.com"},
        {"id": lead(2), "email": "cleo@acme.com", "plg_user_id": "1"},
        {"id": lead(3), "email": "office@acme.com"},
        {"id": lead(4), "email": "office@acme.com"},
        {"id": lead(5), "email": "bob@acme.com"},
        {"id": lead(6), "email": "zed@newcorp.io"},
        {"id": lead(7), "is_deleted": True, "master_record_id": lead(1)},
        {"id": lead(8), "company": "Globex Widgets", "country": "Germany"},
        {"id": lead(9), "company": "Globex Widgets", "country": "France"},
        {
            "id": lead(10),
            "email": "gil@gmail.com",
            "is_converted": True,
            "converted_contact_id": contact(1),
            "converted_account_id": GLOBEX,
        },
    )
    return [
        *(("salesforce", "account", row) for row in accounts),
        *(("salesforce", "lead", {"last_name": "X", **row}) for row in leads),
        (
            "salesforce",
            "contact",
            {"id": contact(1), "account_id": GLOBEX, "email": "gil@globex.com", "last_name": "G"},
        ),
    ]


def _hubspot() -> list[Row]:
    return [
        ("hubspot", "contacts", {"id": "501", "email": "fay@newco.io"}),
        ("hubspot", "contacts", {"id": "502", "anonymous_id": "eve-laptop"}),
    ]


def _marketo() -> list[Row]:
    return [
        ("marketo", "leads", {"id": 701, "sfdc_lead_id": lead(1)}),
        ("marketo", "leads", {"id": 702, "email": "ana.second@acme.com", "unsubscribed": True}),
        ("marketo", "leads", {"id": 704, "sfdc_contact_id": contact(1)[:15]}),
        ("marketo", "leads", {"id": 703, "email": "OFFICE@acme.com", "unsubscribed": True}),
    ]


def _outreach() -> list[Row]:
    return [
        (
            "outreach",
            "prospects",
            {"id": 801, "emails": ["Dan@GMAIL.com", "dan.elsewhere@web.io"], "opted_out": True},
        ),
        ("outreach", "prospects", {"id": 802, "emails": []}),
    ]


def _websites() -> list[Row]:
    return [
        ("salesforce", "lead", {"id": lead(1000 + n), "last_name": "X", "website": website})
        for n, website in enumerate(WEBSITES)
    ]


def _merge_chains() -> list[Row]:
    """Leads merged at random (trees, cycles) and one chain of 600, as edges for the oracle."""
    dice = random.Random(7)
    result: list[Row] = []
    for number in range(400):
        master = lead(20_000 + dice.randrange(400)) if dice.random() < 0.6 else None
        result.append(_merged(lead(20_000 + number), master))
    for number in range(600):
        master = lead(30_001 + number) if number < 599 else None
        result.append(_merged(lead(30_000 + number), master))
    return result


def _merged(key: str, master: str | None) -> Row:
    return (
        "salesforce",
        "lead",
        {"id": key, "last_name": "X", "is_deleted": master is not None, "master_record_id": master},
    )
