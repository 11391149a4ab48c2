"""A small company of which Ann is to be erased, and the same company without her."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.contract import Contract, Pii, column
from connectors.erase_raw import erase_raw, records_of
from connectors.erase_zone import erase_zone
from connectors.landing import land
from connectors.raw_tables import ensure_raw_tables, table_name
from connectors.stream import Deletes, Mode, Stream
from connectors.zone import LINES, PARQUET, Kind, Manifest, Zone
from headwater.clock import FixedClock
from headwater.erased_rows import Search
from headwater.erasures import begin_erasure, read_tombstones
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.streams_under_test import NOON

CLOCK = FixedClock(NOON + timedelta(days=400))


class Person(Contract):
    """One row per person."""

    id: str = column("id", "Id.", about="lead_id")
    email: str | None = column("properties.email", "Address.", pii=Pii.CONTACT, about="email")
    name: str | None = column("properties.name", "Name.", pii=Pii.NAME)
    user_id: str | None = column("properties.user", "User.", mentions="user_id")
    boss: str | None = column("properties.boss", "Boss.", pii=Pii.CONTACT, mentions="email")
    note: str | None = column("properties.note", "Note.", pii=Pii.FREE_TEXT)
    changed_at: datetime = column("changed", "Last change.")


class Event(Contract):
    """One row per event."""

    id: str = column("id", "Id.")
    actor: str = column("actor", "Who.", about=("user_id", "anonymous_id"))
    url: str | None = column("url", "Page.")
    happened_at: datetime = column("at", "When.")


class Team(Contract):
    """One row per team."""

    id: int = column("id", "Id.")
    owner_id: int = column("owner_id", "Owner.", mentions="user_id")
    billing_email: str | None = column("billing", "Bill.", pii=Pii.CONTACT, mentions="email")
    contact: str | None = column("contact", "Who pays.", pii=Pii.NAME)
    changed_at: datetime = column("changed", "Last change.")


class Task(Contract):
    """One row per task."""

    id: int = column("id", "Id.")
    lead_id: str = column("lead", "About whom.", about="lead_id")
    changed_at: datetime = column("changed", "Last change.")


def stream(name: str, contract: type[Contract], mode: Mode, moment: str) -> Stream:
    return Stream(
        source="crm", name=name, contract=contract, mode=mode, key=("id",), version=(moment,),
        cursor=moment, deletes=Deletes("none"),
    )  # fmt: skip


PEOPLE = stream("people", Person, Mode.MERGE, "changed_at")
EVENTS = stream("events", Event, Mode.APPEND, "happened_at")
TEAMS = stream("teams", Team, Mode.MERGE, "changed_at")
TASKS = stream("tasks", Task, Mode.MERGE, "changed_at")
STREAMS = (PEOPLE, EVENTS, TEAMS, TASKS)
ANN = {
    "email:ann.lee+x@mail.example.com": "email",
    "user_id:7": "user_id",
    "anonymous_id:device-7": "anonymous_id",
}
ANNS_MAIL = "ann.lee+x@mail.example.com"
Loads = list[tuple[Stream, list[Any]]]


def company(seed: int) -> tuple[Loads, Loads]:
    """Loads of every stream, and the same as they are without Ann (by hand, line by line)."""
    dice = random.Random(seed)

    def moment() -> str:
        return (NOON + timedelta(seconds=dice.randrange(40))).isoformat()

    def person() -> tuple[Any, Any]:
        number = dice.randrange(9)
        mail = dice.choice(
            [f"bob{number}@mail.example.com", f"Joann.Lee+x@mail.example.com{number}"]
        )
        properties: dict[str, Any] = {
            "email": mail, "name": f"Bob {number}", "user": dice.choice([None, "77", "8"]),
            "note": dice.choice(["", "asked twice", "ünïcode — fine"]),
        }  # fmt: skip
        without = dict(properties)
        escaped = False
        match dice.randrange(8):
            case 0:
                who = dice.choice(["lead-ann", f"lead-{number}"])
                properties["email"] = dice.choice([" Ann.Lee+x@mail.example.com ", ANNS_MAIL])
                id_ = "lead-ann" if who == "lead-ann" else f"lead-ann-{number}"
                record = {"id": id_, "properties": properties, "changed": moment()}
                return record, None
            case 1:
                properties["user"], without["user"] = "7", None
            case 2:
                form = dice.choice([ANNS_MAIL, "ANN.LEE+X@mail.example.com"])
                properties["note"] = f"ask\n{form}, {form}. Or not{ANNS_MAIL}."
                without["note"] = f"ask\n[erased], [erased]. Or not{ANNS_MAIL}."
            case 3:
                broken = f'{{"id": "x{number}", "properties": {{"email": "{mail}"'
                return broken, broken
            case 4:
                return f'{{"id": 5, "properties": {{"email": "{ANNS_MAIL}", "name": "A', None
            case 5:
                properties["boss"] = dice.choice([f"Ann Lee <{ANNS_MAIL}>", f"\u200b{ANNS_MAIL}"])
                without |= {"boss": None, "email": None, "name": None}
            case 6:
                escaped = True
                properties["note"] = f"from <{ANNS_MAIL}> – she"
                without["note"] = "from <[erased]> – she"
            case _:
                pass
        changed = moment()
        kept = {"id": f"lead-{number}", "properties": without, "changed": changed}
        full = {**kept, "properties": properties}
        if escaped:  # as Go and Rails write JSON
            return json.dumps(full).replace("<", "\\u003c").replace(">", "\\u003e"), kept
        return full, kept

    def event() -> tuple[Any, Any]:
        actor = dice.choice(["7", "$device:device-7", "device-7", "8", "$device:device-8"])
        record = {
            "id": f"e{dice.randrange(60)}-{actor}", "actor": actor, "at": moment(),
            "url": f"https://a.b/?email=bob%40x.io&n={dice.randrange(3)}",
        }  # fmt: skip
        if actor in ("7", "$device:device-7", "device-7"):
            return record, None
        if dice.random() < 0.2:
            kept = {**record, "url": "https://a.b/?email=[erased]&n=1"}
            return {**record, "url": "https://a.b/?email=ann.lee%2Bx%40mail.example.com&n=1"}, kept
        return record, record

    def team() -> tuple[Any, Any]:
        record = {
            "id": dice.randrange(9), "owner_id": dice.choice([7, 8]), "changed": moment(),
            "billing": dice.choice([ANNS_MAIL, "bob@x.io", None]), "contact": "Ann or Bob",
            "remark": dice.choice([None, f"ask {ANNS_MAIL}"]),  # the contract knows neither
            "tags": dice.choice([None, {"mails": ["bob@x.io", ANNS_MAIL], "old": [1]}]),
        }  # fmt: skip
        kept = {**record, "owner_id": 0 if record["owner_id"] == 7 else 8}
        kept["remark"] = record["remark"] and "ask [erased]"
        kept["tags"] = record["tags"] and {"mails": ["bob@x.io", "[erased]"], "old": [1]}
        if record["billing"] == ANNS_MAIL:
            kept |= {"billing": None, "contact": None}
        return record, kept

    def task() -> tuple[Any, Any]:
        id_ = dice.randrange(9)
        lead = "lead-ann" if id_ % 2 else "lead-1"
        record = {"id": id_, "lead": lead, "changed": moment()}
        return record, None if lead == "lead-ann" else record

    makers: dict[str, Callable[[], tuple[Any, Any]]] = {
        "people": person, "events": event, "teams": team, "tasks": task,
    }  # fmt: skip
    everything, without = [], []
    for _ in range(3):
        for one in STREAMS:
            pairs = [makers[one.name]() for _ in range(14)]
            if one is PEOPLE:  # known by its address, so that her tasks are known to be hers
                pairs.append(
                    ({"id": "lead-ann", "properties": {"email": ANNS_MAIL}, "changed": moment()},
                     None)
                )  # fmt: skip
            everything.append((one, [full for full, _ in pairs]))
            without.append((one, [kept for _, kept in pairs if kept is not None]))
    return everything, without


def write(
    settings: Settings, number: int, one: Stream, records: list[Any]
) -> tuple[Path, Manifest]:
    zone = Zone(settings.landing_zone)
    folder = zone.open_load(one, NOON)
    if one is TEAMS:
        path = folder.new_part(PARQUET)
        types = pa.schema(
            [("id", pa.int64()), ("owner_id", pa.int64()), ("changed", pa.string()),
             ("billing", pa.string()), ("contact", pa.string()), ("remark", pa.string()),
             ("tags", pa.struct({"mails": pa.list_(pa.string()), "old": pa.list_(pa.int64())}))]
        )  # fmt: skip
        pq.write_table(pa.Table.from_pylist(records, types), path)
    else:
        path = folder.new_part(LINES)
        lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
        path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    folder.seal(path, len(records))
    keys = folder.new_part(PARQUET)
    if one is PEOPLE:
        ids = [r["id"] for r in records if isinstance(r, dict)]
        pq.write_table(pa.table({"id": sorted({*ids, *(f"lead-{n}" for n in range(9))})}), keys)
        folder.seal(keys, 9, Kind.KEYS)
    received_at = NOON + timedelta(days=number)
    manifest = Manifest(
        load_id=folder.load_id, source=one.source, stream=one.name, cycle_id="", calls=1,
        started_at=received_at, received_at=received_at, cursor_before=None, cursor_after=None,
        timezone="UTC", parts=tuple(folder.parts),
    )  # fmt: skip
    zone.commit(folder, manifest)
    return folder.path, manifest


def landed(home: Path, loads: Loads) -> Settings:
    settings = Settings(home=home)
    with connect(settings) as connection:
        ensure_raw_tables(connection, STREAMS)
        for number, (one, records) in enumerate(loads):
            folder, manifest = write(settings, number, one, records)
            land(connection, one, manifest, folder, CLOCK)
    return settings


def erase(settings: Settings) -> None:
    with connect(settings) as connection:
        known = records_of(connection, STREAMS, frozenset(ANN))
        nodes = {node: node.partition(":")[0] for node in known}
        begin_erasure(settings.landing_zone, nodes, NOON, "me", email=ANNS_MAIL)
        search = Search(connection, read_tombstones(settings.landing_zone))
        erase_zone(search, Zone(settings.landing_zone), STREAMS)
        connection.execute("begin")
        erase_raw(search, STREAMS)
        connection.execute("commit")


def content(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    with connect(settings, read_only=True) as connection:
        tables = {
            one.name: connection.execute(f"from {table_name(one)} order by all").fetchall()
            for one in STREAMS
        }
        tables["quarantine"] = connection.execute(
            "select distinct stream, record, reason from landing.quarantine order by all"
        ).fetchall()
    return tables


def texts(settings: Settings) -> str:
    """Everything that the zone's files hold."""
    found = []
    for path in sorted(settings.landing_zone.rglob("part-*")):
        if path.suffix == ".parquet":
            found.append(str(pq.read_table(path).to_pylist()))
        else:
            found.append(gzip.decompress(path.read_bytes()).decode())
    return "\n".join(found)


def is_without_ann(text: str) -> bool:
    told = text.lower().replace(f"not{ANNS_MAIL}", "").replace("joann.lee", "")
    hers = (ANNS_MAIL, "ann.lee%2bx%40", "device-7", "lead-ann", '"user": "7"', "'owner_id': 7")
    return not any(word in told for word in hers)
