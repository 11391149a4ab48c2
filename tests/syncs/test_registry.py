"""Which syncs a setting lets write."""

from __future__ import annotations

import pytest

from headwater.errors import DefinitionError
from headwater.settings import Settings
from syncs.registry import definitions, enabled


def test_all_syncs_write_where_none_is_named() -> None:
    assert enabled(Settings(syncs=None)) == definitions()


def test_no_sync_writes_where_none_may() -> None:
    assert enabled(Settings(syncs=())) == ()


def test_named_syncs_write_and_unknown_ones_stop_the_start() -> None:
    first = definitions()[0].name
    assert [item.name for item in enabled(Settings(syncs=(first,)))] == [first]
    with pytest.raises(DefinitionError, match="no sync 'nope'"):
        enabled(Settings(syncs=("nope",)))
