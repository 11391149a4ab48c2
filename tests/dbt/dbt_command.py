"""dbt commands on scratch warehouses, each in a process of its own: a fork of one that has imported
dbt and parsed the project."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

from orchestration.dbt_process import PROJECT
from tests.dbt.growth import known_world

# Imports and parses once, which is most of a command's time; then forks a process per command that
# is asked for on stdin (dbt-duckdb keeps one database open per process), and says how it ended.
FORKER = """
import gc, json, os, sys, tempfile, traceback
from pathlib import Path
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from orchestration.dbt_process import PROJECT, parsed
from tests.parsed_project import bring, keep
with tempfile.TemporaryDirectory() as home:
    bring(Path(home))
    manifest = parsed(PROJECT, Path(home))
    keep(Path(home))
gc.freeze()  # no command walks through the parsed project for garbage
while line := sys.stdin.readline():
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ["HEADWATER_WAREHOUSE_PATH"] = order["warehouse"]
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        ended_well = False
        try:
            result = dbtRunner(manifest=manifest).invoke(order["arguments"])
            DuckDBConnectionManager.close_all_connections()  # what lies in the log goes to the file
            print(result.exception or "", flush=True)
            ended_well = result.success
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(not ended_well)  # a forked process can't tear down the threads of the first
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@cache
def _forker() -> subprocess.Popen[str]:
    """One per test process; it ends when that process does, as its stdin then closes."""
    return subprocess.Popen(
        [sys.executable, "-c", FORKER],
        cwd=PROJECT.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def dbt(
    warehouse: Path, command: str, *arguments: str, variables: dict[str, str] | None = None
) -> None:
    """Run this command of dbt on this warehouse; a failure shows dbt's own output."""
    folder, output = warehouse.parent, warehouse.parent / "dbt.txt"
    order = {
        "warehouse": str(warehouse),
        "output": str(output),
        "arguments": [
            command,
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
            *("--no-write-json", "--log-level-file", "none"),
            *("--vars", json.dumps({"as_of": str(known_world.AS_OF), **(variables or {})})),
        ],
    }
    forker = _forker()
    assert forker.stdin is not None and forker.stdout is not None
    print(json.dumps(order), file=forker.stdin, flush=True)
    ending = forker.stdout.readline().strip()
    assert ending == "0", f"dbt ended with {ending!r}: {output.read_text()[-8000:]}"
