"""Finding an address in a text and clearing it: the one has to meet what the other does."""

from __future__ import annotations

import duckdb
import pytest

from headwater.erased_rows import Rows, Search, covering, sql_without_addresses, without_addresses
from headwater.erasures import Tombstones

ANN = "email:ann.lee+x@mail.example.com"
WRITTEN = (
    "{}", "Ann <{}>", "mailto:{}?subject=a", "\u201c{}\u201d", "a\u00a0{}\u00a0b", "\u200b{}",
    "**{}**", "{}\u2014thanks", "{}\u2026", "\uff08{}\uff09", "{}. So", "'{}'", "a\\n{}\\nb",
)  # fmt: skip
ADDRESSES = (
    "Ann.Lee+x@mail.example.com", "ann.lee%2Bx%40mail.example.com",
    "ann.lee+x%40mail.example.com", "ann.lee%2bx@mail.example.com",
)  # fmt: skip
OTHERS = ("joann.lee+x@mail.example.com", "ann.lee+x@mail.example.com.au", "ann.lee@example.com")


@pytest.mark.parametrize("form", WRITTEN)
def test_an_address_is_found_however_it_is_written_and_goes_without_the_rest(form: str) -> None:
    pattern = covering(frozenset([ANN]))
    assert pattern is not None
    with duckdb.connect() as connection:
        connection.execute("create table notes (told varchar)")
        connection.executemany(
            "insert into notes values (?)",
            [[form.format(a)] for a in (*ADDRESSES, *OTHERS)],
        )
        search = Search(connection, Tombstones.of([ANN]))
        rows = Rows("notes", "rowid", "told")
        assert search.find(rows).mentioning == tuple(range(len(ADDRESSES)))
        cleared = connection.execute(
            f"select told, {sql_without_addresses('told', pattern)} from notes"
        ).fetchall()
        for told, without in cleared:
            assert without == without_addresses(told, pattern)
        assert [without for _, without in cleared] == [
            form.format("[erased]") for _ in ADDRESSES
        ] + [form.format(other) for other in OTHERS]
