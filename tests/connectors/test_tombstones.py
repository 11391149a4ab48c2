"""Who was erased stays erased: what comes back is dropped, and no tombstone is lost unseen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.landing import land
from headwater.erasures import begin_erasure, read_tombstones, write_erasure
from headwater.errors import SettingsError
from headwater.warehouse import connect
from tests.connectors.company_with_ann import (
    ANNS_MAIL,
    CLOCK,
    PEOPLE,
    company,
    content,
    erase,
    is_without_ann,
    landed,
    texts,
    write,
)
from tests.connectors.streams_under_test import NOON


def test_who_comes_back_is_dropped_and_counted(tmp_path: Path) -> None:
    everything, _ = company(1)
    settings = landed(tmp_path, everything)
    erase(settings)
    before = content(settings)
    later = (NOON + timedelta(days=300)).isoformat()
    back = [
        {"id": "lead-new", "properties": {"email": "Ann.Lee+x@mail.example.com"}, "changed": later},
        {"id": "lead-new-2", "properties": {"email": "new@x.io"}, "changed": later},
        f'{{"id": "torn", "email": "{ANNS_MAIL}',
    ]
    folder, manifest = write(settings, 300, PEOPLE, back)
    with connect(settings) as connection:
        result = land(connection, PEOPLE, manifest, folder, CLOCK)
    assert result is not None
    assert (result.received, result.landed, result.quarantined, result.erased) == (3, 1, 0, 2)
    assert is_without_ann(texts(settings))
    after = content(settings)
    assert after["quarantine"] == before["quarantine"]
    assert {row[0] for row in after["people"]} - {row[0] for row in before["people"]} == {
        "lead-new-2"
    }


def test_without_the_secret_nothing_is_landed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_ERASURE_SECRET", "s" * 100)  # longer than a block of the HMAC
    settings = landed(tmp_path, [(PEOPLE, [])])
    erase(settings)
    kept = "".join(path.read_text() for path in settings.landing_zone.glob("erasures/*.json"))
    assert is_without_ann(kept) and "s" * 100 not in kept
    assert "s" * 100 not in repr(read_tombstones(settings.landing_zone))
    folder, manifest = write(settings, 1, PEOPLE, [])
    monkeypatch.setenv("HEADWATER_ERASURE_SECRET", "another")
    with connect(settings) as connection, pytest.raises(SettingsError, match="ERASURE_SECRET"):
        land(connection, PEOPLE, manifest, folder, CLOCK)


def test_no_tombstone_is_written_over_or_read_with_a_key_made_anew(tmp_path: Path) -> None:
    for number, name in enumerate(("ann", "bob", "eve"), start=1):
        nodes = {f"email:{name}@x.io": "email"}
        made = begin_erasure(tmp_path, nodes, NOON, "me", email=f"{name}@x.io")
        write_erasure(tmp_path, made.model_copy(update={"finished_at": NOON}))
        assert made.erasure_id == f"{number:08d}"
    (tmp_path / "erasures" / "00000001.json").unlink()  # a copy that was not whole
    made = begin_erasure(tmp_path, {"email:joe@x.io": "email"}, NOON, "me", email="joe@x.io")
    assert "email:eve@x.io" in read_tombstones(tmp_path) and made.erasure_id == "00000004"
    (tmp_path / "erasures" / "key.json").unlink()
    with pytest.raises(SettingsError, match=r"key\.json"):
        read_tombstones(tmp_path)
    with pytest.raises(SettingsError, match=r"key\.json"):
        begin_erasure(tmp_path, {"email:kim@x.io": "email"}, NOON, "me", email="kim@x.io")
