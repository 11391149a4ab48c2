"""A delivery by hand and a cycle keep out of each other's way."""

from __future__ import annotations

from typer.testing import CliRunner

from headwater.errors import WarehouseBusyError
from headwater.settings import Settings
from orchestration.cli import app
from orchestration.lease import cycle_lease


def test_a_delivery_by_hand_waits_for_the_cycle_and_looking_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADWATER_WAREHOUSE_WAIT_SECONDS", "0.1")
    monkeypatch.setenv("HEADWATER_SYNCS", "launchdarkly__paywall")
    runner = CliRunner()
    with cycle_lease(Settings(), "cycle-7"):
        refused = runner.invoke(app, ["--debug", "sync", "run"])
        assert isinstance(refused.exception, WarehouseBusyError)
        assert "cycle-7" in str(refused.exception)
        assert runner.invoke(app, ["--debug", "sync", "status"]).exit_code == 0
    ran = runner.invoke(app, ["--debug", "sync", "run", "--json"])
    assert "There is no warehouse" in ran.output
    with cycle_lease(Settings(), "afterwards"):
        pass
