"""A plan that was looked at and put under seal, to be applied as it was seen.

The rows are a Parquet file in ``<home>/syncs/plans``; beside it stands what they were made from,
and the md5 of the file. Applying one compares anew and sends the rows that are still the same; what
has drifted since, and what is new, stays for the next run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from headwater.errors import GuardError
from headwater.settings import Settings
from headwater.warehouse import literal
from syncs.definition import Definition
from syncs.kept_files import bring, keep


@dataclass(frozen=True)
class SealedPlan:
    """A plan under seal. ``md5`` is that of its file of rows."""

    plan_id: str
    sync: str
    map_hash: str
    made_at: str
    rows: int
    md5: str
    file: Path


def seal(
    connection: duckdb.DuckDBPyConnection,
    definition: Definition,
    settings: Settings,
    now: datetime,
) -> SealedPlan:
    """Put what the temporary table ``planned`` holds under seal."""
    folder = settings.sync_state / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{definition.name}.draft"
    content = "select seq, key, operation, fields::varchar as fields, before::varchar as before"
    (rows,) = connection.execute(
        f"copy ({content} from planned order by seq) to {literal(draft)} (format parquet)"
    ).fetchall()[0]
    md5 = _md5(draft)
    plan_id = f"{definition.name}-{now:%Y%m%dT%H%M%SZ}-{md5[:8]}"
    file = folder / f"{plan_id}.parquet"
    draft.replace(file)
    plan = SealedPlan(
        plan_id, definition.name, definition.map_hash, now.isoformat(), rows, md5, file
    )
    said = {**asdict(plan), "file": file.name}
    file.with_suffix(".json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    keep(file, settings)
    keep(file.with_suffix(".json"), settings)
    return plan


def unseal(settings: Settings, plan_id: str) -> SealedPlan:
    """Read a plan that was sealed.

    Raises :class:`GuardError` when there is none of this name, or its rows were changed since.
    """
    path = settings.sync_state / "plans" / f"{plan_id}.json"
    bring(path.parent, settings)
    if not path.exists() or path.parent != settings.sync_state / "plans":
        raise GuardError(
            f"There is no sealed plan {plan_id}.",
            next_step="`headwater sync plan NAME --seal` makes one and says its name.",
        )
    said = json.loads(path.read_text(encoding="utf-8"))
    plan = SealedPlan(**{**said, "file": path.parent / said["file"]})
    if not plan.file.exists() or _md5(plan.file) != plan.md5:
        raise GuardError(
            f"The rows of the sealed plan {plan_id} are not those that were sealed.",
            next_step="Nothing was sent. Make a new plan.",
        )
    return plan


def require_same_definition(plan: SealedPlan, definition: Definition) -> None:
    """Raise :class:`GuardError` when the plan was made with another sync or field map."""
    if plan.sync != definition.name or plan.map_hash != definition.map_hash:
        raise GuardError(
            f"The sealed plan {plan.plan_id} was made with another definition than "
            f"{definition.name}.yml of now.",
            next_step="Nothing was sent. Make a new plan.",
        )


def keep_what_was_sealed(connection: duckdb.DuckDBPyConnection, plan: SealedPlan) -> int:
    """Take out of ``planned`` what is not in the plan just so; how many of the plan's rows are
    not the same any more."""
    connection.execute(
        f"""
        delete from planned
        where not exists (
            from read_parquet({literal(plan.file)}) as sealed
            where sealed.key = planned.key
                and sealed.operation = planned.operation
                and sealed.fields = planned.fields::varchar
                and sealed.before = planned.before::varchar
        )
        """  # noqa: S608 (our path)
    )
    (left,) = connection.execute("select count(*) from planned").fetchall()[0]
    return plan.rows - int(left)


def _md5(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
