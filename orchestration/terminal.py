"""How the command line talks: progress as it happens, one clear line per error."""

from __future__ import annotations

import getpass
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from headwater.errors import HeadwaterError
from orchestration.failures import describe, next_step

errors = Console(stderr=True)
"""Progress and errors go here, so that standard output holds only the answer."""
PROGRESS = "headwater.progress"
"""The logger to which steps say what they do just now."""


class OneLineErrors(TyperGroup):
    """Prints errors that were raised on purpose as what happened and what to do, exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; with ``--debug`` an error keeps its traceback."""
        try:
            return super().invoke(ctx)
        except (HeadwaterError, ExceptionGroup) as error:
            if ctx.params.get("debug"):
                raise
            tell(describe(error), next_step(error))
            raise typer.Exit(1) from error


def tell(what: str, advice: str) -> None:
    """One error: what happened in red, then what to do."""
    errors.print(what, style="red", markup=False, soft_wrap=True)
    if advice:
        errors.print(advice, markup=False, soft_wrap=True)


@contextmanager
def shown_progress(console: Console = errors) -> Iterator[None]:
    """Print what steps say while the block runs, with the seconds since it began."""
    logger = logging.getLogger(PROGRESS)
    handler = _Lines(console)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


class _Lines(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(
            f"[dim]{time.monotonic() - self._start:6.1f} s[/dim]  ",
            record.getMessage().replace("[", r"\["),
            sep="",
            highlight=False,
            soft_wrap=True,
        )


def user() -> str:
    """Who gives the command: the system's user, or the number of one without a name (in a
    container)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"
