"""The cursor of files of events: no unread file is passed over, none is read for nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.event_files.cursor import MOST_FILES, Seen, seen
from connectors.event_files.files import EventFile

DAY = 86_400 * 10**9
FILES = st.builds(
    EventFile,
    modified_ns=st.integers(0, 12).map(lambda half: 1_700_000_000 * 10**9 + half * DAY // 2),
    name=st.sampled_from([f"{letter}.json" for letter in "abcdefgh"]),
    size=st.integers(0, 2),
)
LISTINGS = st.lists(FILES, unique_by=lambda file: file.name)


def again(cursor: Seen) -> Seen:
    """As it is read back from the warehouse."""
    return Seen.model_validate_json(cursor.model_dump_json())


@given(LISTINGS, st.data())
def test_what_was_read_is_not_read_again_and_what_has_no_end_is(
    listing: list[EventFile], data: st.DataObject
) -> None:
    unfinished = data.draw(st.sets(st.sampled_from(listing))) if listing else set()
    cursor = again(seen(listing, (file.digest for file in unfinished)))
    assert cursor.unread(listing) == sorted(unfinished)
    assert again(seen(listing, ())).unread(reversed(listing)) == []


@given(LISTINGS, LISTINGS)
def test_every_file_that_is_new_or_changed_is_read(
    before: list[EventFile], after: list[EventFile]
) -> None:
    unread = again(seen(before, ())).unread(after)
    assert set(after) - set(before) <= set(unread)
    assert unread == sorted(unread)
    # What is read beside that shares its day with an old file that came, changed or went.
    moved = {file.day for file in set(before) ^ set(after)}
    assert {file.day for file in unread} <= moved


def test_the_cursor_of_many_files_stays_small() -> None:
    start = 1_700_000_000 * 10**9
    listing = [EventFile(start + n * 60 * 10**9, f"{n:06d}.json.gz", n) for n in range(50_000)]
    cursor = seen(listing, ())
    assert len(cursor.files) <= MOST_FILES
    assert len(cursor.model_dump_json()) < 8_000
    assert cursor.unread(listing) == []
    newer = EventFile(listing[-1].modified_ns + 1, "new.json.gz", 1)
    assert cursor.unread([*listing, newer]) == [newer]
    late = EventFile(start + 10 * DAY, "late.json.gz", 1)
    found = cursor.unread([*listing, late])
    assert late in found
    assert {file.day for file in found} == {late.day}
