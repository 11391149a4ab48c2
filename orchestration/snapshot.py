"""What the graph consists of, as text for a diff: ``python -m orchestration.snapshot``.

The stored copy is ``tests/orchestration/snapshot.json``: an asset, a job or a schedule that is lost
by accident shows there.
"""

from __future__ import annotations

import json
from typing import Any

import dagster as dg


def snapshot(definitions: dg.Definitions) -> dict[str, Any]:
    """Asset keys with their group and what they depend on, checks per asset, jobs, cron strings."""
    graph = definitions.resolve_asset_graph()
    checks: dict[str, list[str]] = {}
    for key in graph.asset_check_keys:
        checks.setdefault(key.asset_key.to_user_string(), []).append(key.name)
    return {
        "assets": {
            key.to_user_string(): {
                "group": graph.get(key).group_name,
                "after": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            }
            for key in sorted(graph.executable_asset_keys)
        },
        "checks": {asset: sorted(names) for asset, names in sorted(checks.items())},
        "jobs": sorted(
            job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")
        ),
        "schedules": {
            str(schedule.name): schedule.cron_schedule
            for schedule in sorted(definitions.schedules or [], key=lambda item: str(item.name))
            if isinstance(schedule, dg.ScheduleDefinition)
        },
        "sensors": sorted(str(sensor.name) for sensor in definitions.sensors or []),
    }


def as_text(found: dict[str, Any]) -> str:
    """The snapshot as it is stored."""
    return json.dumps(found, indent=1) + "\n"


if __name__ == "__main__":
    from headwater.settings import Settings
    from orchestration.graph import build_definitions

    print(as_text(snapshot(build_definitions(Settings.model_construct()))), end="")
