"""Two cycles never work on one home, and a dead holder never blocks the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headwater.errors import WarehouseBusyError
from headwater.settings import Settings
from orchestration.lease import cycle_lease

HOLD = """
import sys, time
from pathlib import Path
from headwater.settings import Settings
from orchestration.lease import cycle_lease
with cycle_lease(Settings(home=Path(sys.argv[1])), "run other"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_cycle_gets_the_name_of_the_first(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, warehouse_wait_seconds=0)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(WarehouseBusyError, match=f"run other \\(process {other.pid}\\)"),
            cycle_lease(settings, "run mine"),
        ):
            pytest.fail("both hold the lease")
    finally:
        other.kill()
        other.communicate()
    with cycle_lease(settings, "run mine"):
        assert "run mine" in (tmp_path / "cycle.lock").read_text()
    assert (tmp_path / "cycle.lock").read_text() == ""


def test_the_lease_is_free_after_an_error(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, warehouse_wait_seconds=0)
    with pytest.raises(KeyError), cycle_lease(settings, "first"):
        raise KeyError
    with cycle_lease(settings, "second"):
        pass
