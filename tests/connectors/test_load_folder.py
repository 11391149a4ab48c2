"""An extraction that was cut off goes on behind its last finished page, and only if it may."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import load_folder
from connectors.load_folder import LoadFolder, Page
from connectors.zone import Zone
from headwater.errors import QuotaExhaustedError, RetryableError, VendorRejectedError
from tests.connectors.streams_under_test import HAPPENINGS, NOON, THINGS

PAGES = [[{"id": f"{page}-{row}"} for row in range(page + 1)] for page in range(5)]
EVERYTHING = [record for page in PAGES for record in page]


class Vendor:
    """Serves pages by number, and counts which were fetched."""

    def __init__(self, fails_at: int | None = None, error: Exception | None = None) -> None:
        self.fails_at = fails_at
        self.error = error or RetryableError("cut off")
        self.fetched: list[int] = []

    def pages(self, token: Any) -> Iterator[Page]:
        for number in range(token or 0, len(PAGES)):
            if number == self.fails_at:
                raise self.error
            self.fetched.append(number)
            yield PAGES[number], number + 1


@pytest.fixture
def extract(tmp_path: Path) -> Callable[..., LoadFolder]:
    def extract(vendor: Vendor, cursor: str | None = None, lane: str = "cycle") -> LoadFolder:
        zone = Zone(tmp_path)
        with zone.extraction(THINGS, NOON, cursor=cursor, landed=(), lane=lane) as folder:
            folder.write_pages("live", vendor.pages)
            folder.write_pages("archived", vendor.pages)
        return folder

    return extract


def load_folders(root: Path) -> list[Path]:
    return [path for path in Zone(root).folder(THINGS).iterdir() if path.is_dir()]


def records(folder: LoadFolder) -> list[dict[str, Any]]:
    texts = [gzip.decompress((folder.path / part.file).read_bytes()) for part in folder.parts]
    assert [len(text.splitlines()) for text in texts] == [part.rows for part in folder.parts]
    return [json.loads(line) for text in texts for line in text.splitlines()]


@pytest.mark.parametrize("fails_at", range(5))
def test_no_finished_page_is_fetched_again(
    extract: Callable[..., LoadFolder], fails_at: int
) -> None:
    broken = Vendor(fails_at)
    with pytest.raises(RetryableError, match="cut off"):
        extract(broken)
    whole = Vendor()
    folder = extract(whole)
    assert records(folder) == EVERYTHING * 2
    assert broken.fetched + whole.fetched == [*range(5), *range(5)]


def test_the_page_in_flight_is_written_once(
    extract: Callable[..., LoadFolder], tmp_path: Path
) -> None:
    with pytest.raises(RetryableError):
        extract(Vendor(fails_at=3))
    [folder] = load_folders(tmp_path)
    part = folder / "part-00001.ndjson.gz"
    part.write_bytes(part.read_bytes() + b"half of a page")
    (folder / "part-00002.ndjson.gz").write_bytes(b"never sealed")
    assert records(extract(Vendor())) == EVERYTHING * 2


def test_a_lost_part_makes_it_start_anew(
    extract: Callable[..., LoadFolder], tmp_path: Path
) -> None:
    with pytest.raises(RetryableError):
        extract(Vendor(fails_at=3))
    [folder] = load_folders(tmp_path)
    (folder / "part-00001.ndjson.gz").write_bytes(b"")
    again = Vendor()
    assert records(extract(again)) == EVERYTHING * 2
    assert again.fetched == [*range(5), *range(5)]


def test_another_request_starts_anew(extract: Callable[..., LoadFolder], tmp_path: Path) -> None:
    with pytest.raises(RetryableError):
        extract(Vendor(fails_at=3))
    again = Vendor()
    assert records(extract(again, cursor="2025-01-01")) == EVERYTHING * 2
    assert len(load_folders(tmp_path)) == 1


def test_a_token_that_the_vendor_refuses_is_not_used_for_ever(
    extract: Callable[..., LoadFolder],
) -> None:
    with pytest.raises(QuotaExhaustedError):
        extract(Vendor(3, QuotaExhaustedError("no calls left today")))
    with pytest.raises(VendorRejectedError):
        extract(Vendor(3, VendorRejectedError("this paging token has expired")))
    again = Vendor()
    assert records(extract(again)) == EVERYTHING * 2
    assert again.fetched == [*range(5), *range(5)]


def test_lanes_do_not_touch_each_other(extract: Callable[..., LoadFolder]) -> None:
    with pytest.raises(RetryableError):
        extract(Vendor(fails_at=3), lane="backfill-2025-05-01")
    assert records(extract(Vendor())) == EVERYTHING * 2
    later = Vendor()
    folder = extract(later, lane="backfill-2025-05-01")
    assert later.fetched == [3, 4, *range(5)]
    assert folder.load_id == "shop-things-00000001"


def test_a_resumed_extraction_keeps_its_horizon(tmp_path: Path) -> None:
    zone = Zone(tmp_path)
    for later in range(3):
        with (
            pytest.raises(RetryableError),
            zone.extraction(
                HAPPENINGS, NOON.replace(hour=13 + later), cursor=None, landed=()
            ) as folder,
        ):
            folder.write_pages("live", Vendor(fails_at=later + 1).pages)
    assert folder.started_at == NOON.replace(hour=13)


def test_pages_go_into_parts_of_bounded_size(
    extract: Callable[..., LoadFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_folder, "PART_BYTES", 1)
    with pytest.raises(RetryableError):
        extract(Vendor(fails_at=3))
    folder = extract(Vendor())
    assert records(folder) == EVERYTHING * 2
    assert len(folder.parts) == 10


def test_ids_count_past_every_load_that_ever_was(tmp_path: Path) -> None:
    zone = Zone(tmp_path)
    first = zone.open_load(THINGS, NOON, landed=["shop-things-00000007", "shop-other-00000009"])
    assert first.load_id == "shop-things-00000008"
    assert zone.open_load(THINGS, NOON, lane="other").load_id == "shop-things-00000009"
