"""Files of the sync folder that all runners must have: the audit, and plans under seal.

In the embedded place they are where they are written. Where the state is in PostgreSQL they are
kept there too, and brought to a home that lacks them or has an older version.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from headwater.database import Database
from headwater.settings import Settings
from headwater.shared_state import shared_state


def keep(file: Path, settings: Settings) -> None:
    """Let all runners have a file that was just written."""
    if settings.sync_state_url is None:
        return
    content = file.read_bytes()
    with shared_state(settings) as state:
        state.change(
            "insert into files (path, md5, content) values ($path, $md5, $content) "
            "on conflict (path) do update set md5 = excluded.md5, content = excluded.content",
            {"path": _name(file, settings), "md5": _md5(content), "content": content},
        )


def forget(file: Path, settings: Settings) -> None:
    """Remove a file, from what other runners are brought too."""
    if settings.sync_state_url is not None:
        with shared_state(settings) as state:
            state.change("delete from files where path = $path", {"path": _name(file, settings)})
    file.unlink(missing_ok=True)


def bring(folder: Path, settings: Settings) -> None:
    """Write the files of a folder, and of those in it, that this home lacks or that differ."""
    if settings.sync_state_url is None:
        return
    with shared_state(settings) as state:
        for path, md5 in state.rows(
            "select path, md5 from files where starts_with(path, $folder) order by path",
            {"folder": f"{_name(folder, settings)}/"},
        ):
            file = settings.sync_state / path
            if not file.exists() or _md5(file.read_bytes()) != md5:
                _write(state, path, file)


def _write(state: Database, path: str, file: Path) -> None:
    """The file is whole or not there."""
    ((content,),) = state.rows("select content from files where path = $path", {"path": path})
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.brought")
    draft.write_bytes(content)
    draft.replace(file)


def _name(path: Path, settings: Settings) -> str:
    return path.relative_to(settings.sync_state).as_posix()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
