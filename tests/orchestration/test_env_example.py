"""``.env.example`` lists every setting, no other, with the defaults the code has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import PydanticUndefined

from headwater.settings import Settings
from headwater.system_settings import SYSTEMS

FILE = Path(__file__).parents[2] / ".env.example"
ASSIGNMENT = re.compile(r"^(?P<off>#?)(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$")


def described() -> dict[str, tuple[bool, str]]:
    """Name to (commented out, value)."""
    found = [ASSIGNMENT.match(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    named = [(match["name"], match["off"] == "#", match["value"]) for match in found if match]
    assert len(named) == len({name for name, _, _ in named}), "a setting stands there twice"
    return {name: (off, value) for name, off, value in named}


def known() -> Iterator[tuple[str, object]]:
    """Name and default of every setting of every group."""
    for group in (Settings, *SYSTEMS.values()):
        for name, field in group.model_fields.items():
            yield f"{group.model_config['env_prefix']}{name}".upper(), field.default


def test_exactly_the_settings_there_are() -> None:
    assert set(described()) == {name for name, _ in known()}


def test_a_setting_without_default_is_to_be_filled_in_and_the_others_show_theirs() -> None:
    written = described()
    for name, default in known():
        off, value = written[name]
        assert off is (default is not PydanticUndefined), name
        if default is PydanticUndefined or default is None or default == ():
            assert value == "", name
        else:
            assert value == as_text(default), name


def as_text(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(str(part) for part in default)
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    if hasattr(default, "strftime") and not hasattr(default, "year"):
        return default.strftime("%H:%M")
    return str(default).rstrip("/")
