"""People of a data set that nobody here made, with the dirt that is in it (febrl/README.md)."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from connectors.contract import Contract, column
from connectors.raw_tables import ensure_raw_tables
from connectors.stream import Deletes, Merges, Mode, Stream
from tests.connectors.streams_under_test import Shop

FILE = Path(__file__).parent / "febrl" / "dataset1.csv"


class Person(Contract):
    """One row per person."""

    id: str = column("rec_id", "Id.")
    given_name: str | None = column("given_name", "First name.")
    surname: str | None = column("surname", "Last name.")
    street_number: int | None = column("street_number", "Number in the street.")
    postcode: str | None = column("postcode", "Postcode; may begin with 0.")
    born_on: date | None = column("date_of_birth", "Birthday.")
    soc_sec_id: int = column("soc_sec_id", "Social security number.")
    copy_of: str | None = column("copy_of", "The person whose copy it is.")
    as_copy: str | None = column("copy", "This one, if it is a copy.")


PEOPLE = Stream(
    source="shop",
    name="people",
    contract=Person,
    mode=Mode.MERGE,
    key=("id",),
    version=(),
    cursor="none",
    deletes=Deletes("none"),
    merges=Merges("a copy names its original", loser="as_copy", winner="copy_of"),
)


@pytest.fixture(scope="module")
def people() -> list[dict[str, str | None]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = [
            {name: value.strip() for name, value in row.items()}
            for row in csv.DictReader(file, skipinitialspace=True)
        ]
    assert len(rows) == 1000
    for row in rows:
        if day := row["date_of_birth"]:
            row["date_of_birth"] = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        number, _, kind = row["rec_id"].removeprefix("rec-").partition("-")
        if kind.startswith("dup"):
            row |= {"copy": row["rec_id"], "copy_of": f"rec-{number}-org"}
    return [dict(row) for row in rows]


def is_a_day(text: str | None) -> bool:
    try:
        return not text or date.fromisoformat(text) is not None
    except ValueError:
        return False


def test_people_land_as_they_are_and_days_that_are_none_wait_in_quarantine(
    shop: Shop, people: list[dict[str, str | None]]
) -> None:
    ensure_raw_tables(shop.connection, (PEOPLE,))
    good = [person for person in people if is_a_day(person["date_of_birth"])]
    bad = {person["rec_id"]: person["date_of_birth"] for person in people if person not in good}
    assert len(bad) == 3, "1937-12-33 and the like"
    result = shop.load(PEOPLE, people)
    assert (result.landed, result.duplicates, result.quarantined) == (len(good), 0, len(bad))
    assert {
        (key, reason)
        for key, reason in shop.rows("select record_key, reason from landing.quarantine")
    } == {
        (key, f"column born_on (date_of_birth): value '{day}' is not a date")
        for key, day in bad.items()
    }
    found = shop.rows(
        "select id, given_name, surname, street_number, postcode, born_on, soc_sec_id "
        "from raw_shop.people order by id"
    )
    assert found == [
        (
            person["rec_id"],
            person["given_name"],
            person["surname"],
            int(person["street_number"]) if person["street_number"] else None,
            person["postcode"],
            date.fromisoformat(person["date_of_birth"]) if person["date_of_birth"] else None,
            int(person["soc_sec_id"] or ""),
        )
        for person in sorted(good, key=lambda person: str(person["rec_id"]))
    ]
    again = shop.load(PEOPLE, reversed(people))
    assert (again.landed, again.duplicates, again.quarantined) == (0, len(people), 0)


def test_their_copies_are_records_of_merges(
    shop: Shop, people: list[dict[str, str | None]]
) -> None:
    ensure_raw_tables(shop.connection, (PEOPLE,))
    shop.load(PEOPLE, people)
    merges = set(shop.rows("select loser_key, winner_key from landing.merges"))
    assert merges == {
        (person["copy"], person["copy_of"])
        for person in people
        if "copy" in person and is_a_day(person["date_of_birth"])
    }
    assert len(merges) > 490
