"""``python -m sandbox``: build the demo company, serve it, let it live, run a command on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headwater.errors import HeadwaterError
from sandbox import living, settings_file
from sandbox.clock import clock_in
from sandbox.company.sizes import SIZES
from sandbox.postgres import Postgres, require_free

READY_SECONDS = 90
app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True)

Home = Annotated[Path, typer.Option(help="Where the sandbox keeps its state.")]
SizeName = Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same company.")]
DEFAULT_HOME = Path("var/sandbox")


def _say(what: str) -> None:
    console.print(f"  [dim]{time.strftime('%H:%M:%S')}[/dim] {what}")


@app.command()
def build(size: SizeName = "s", seed: Seed = 7, home: Home = DEFAULT_HOME) -> None:
    """Simulate a company and load it into PostgreSQL and the vendors' stores."""
    if size not in SIZES:
        raise typer.BadParameter(f"unknown size {size}; known: {', '.join(SIZES)}")
    started = time.monotonic()
    made = living.build(home, size, seed, _say)
    for name, count in made.items():
        console.print(f"  {name:32} {count:>10,}")
    console.print(f"Built size {size}, seed {seed}, in {time.monotonic() - started:.1f} s: {home}")


@app.command()
def serve(home: Home = DEFAULT_HOME) -> None:
    """Serve PostgreSQL and all vendors on loopback until stopped."""
    import uvicorn

    from sandbox.server import create_app

    if not living.is_built(home):
        raise typer.BadParameter(f"no demo company in {home}; run python -m sandbox build first")
    port = settings_file.port()
    require_free(port, "SANDBOX_PORT")
    signal.signal(signal.SIGTERM, _stop)
    with Postgres(home, settings_file.postgres_port()).running() as database:
        settings_file.write(home)
        vendors = create_app(home, clock_in(home))
        dict(vendors.state.stores)  # makes them all: one that cannot be made is told here
        console.print(
            f"Serving the demo company of {home}: vendors on {settings_file.base_url()}, "
            f"PostgreSQL on 127.0.0.1:{database.port}. Settings: {home / 'headwater.env'}"
        )
        uvicorn.run(
            vendors,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=2,
        )


@app.command()
def advance(
    days: Annotated[int, typer.Option(min=1, help="How many days.")] = 1, home: Home = DEFAULT_HOME
) -> None:
    """Let the company live on: a day is loaded everywhere, and people react to what arrived."""
    with _database(home):
        for _ in range(days):
            changed = living.advance(home, _say)
            console.print(f"It is now {clock_in(home).now():%Y-%m-%d %H:%M} UTC.")
            for name, count in changed.items():
                console.print(f"  {name:32} {count:>10,}")


@app.command()
def reset(home: Home = DEFAULT_HOME) -> None:
    """Remove the company and its servers' state."""
    living.reset(home)
    console.print(f"Removed the demo company in {home}.")


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    command: Annotated[list[str], typer.Argument(help="After --: the command and its arguments.")],
    home: Home = DEFAULT_HOME,
    build_if_missing: Annotated[
        bool, typer.Option("--build-if-missing", help="Build the company if there is none.")
    ] = False,
    size: SizeName = "s",
    seed: Seed = 7,
) -> None:
    """Serve, run COMMAND with settings that point at the sandbox, and stop everything."""
    if build_if_missing and not living.is_built(home):
        build(size, seed, home)
    require_free(settings_file.port(), "SANDBOX_PORT")
    server = subprocess.Popen([sys.executable, "-m", "sandbox", "serve", "--home", str(home)])
    try:
        _wait_until_healthy(server)
        surroundings = {**os.environ, **settings_file.environment(home)}
        code = subprocess.run(command, env=surroundings, check=False).returncode
    finally:
        server.terminate()
        server.wait()
    raise typer.Exit(code)


def _database(home: Path) -> _Database:
    return _Database(Postgres(home, settings_file.postgres_port()))


class _Database:
    """PostgreSQL as served already, or started for the time of a command."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._mine = False

    def __enter__(self) -> Postgres:
        if not self._postgres.answers():
            self._postgres.start()
            self._mine = True
        return self._postgres

    def __exit__(self, *_: object) -> None:
        if self._mine:
            self._postgres.stop()


def _wait_until_healthy(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise typer.Exit(server.returncode or 1)
        try:
            with urllib.request.urlopen(f"{settings_file.base_url()}/_sandbox/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    console.print(f"[red]The sandbox did not answer within {READY_SECONDS} s.[/red]")
    raise typer.Exit(1)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; errors made on purpose are one line and a next step."""
    try:
        app()
    except HeadwaterError as error:
        console.print(f"[red]{error.what}[/red] {error.next_step}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
