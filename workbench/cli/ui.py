"""``wb ui``: an MLflow server over our store, on this machine only, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workbench.record.server import Server


@click.command(epilog="\b\nExamples:\n  wb ui\n  wb ui --port 5001 --no-browser")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port on 127.0.0.1.")
@click.option("--browser/--no-browser", default=None, help="Open the page; default: where there is a screen.")
def command(port: int, browser: bool | None) -> None:
    """Show the recorded runs in the MLflow UI, having sent what it does not have yet. Ctrl-C stops it."""
    from workbench.errors import RecordError
    from workbench.record.mlflow import store_path, tracking_uri
    from workbench.record.places import find_root, home, study_folders
    from workbench.record.server import Server

    place = home(find_root(Path.cwd()))
    uri = tracking_uri(place)
    database = store_path(uri)
    if not study_folders(place) and (database is None or not database.exists()):
        raise RecordError("nothing is recorded yet", where=str(place), hint="Type: wb run experiments/NAME")
    if database is None:
        _send(place)
        url = _page(place, uri, uri)
        click.echo(f"MLFLOW_TRACKING_URI names a server that runs already:\n{url}")
        _open(url, browser)
        return
    _require_free(port)
    signal.signal(signal.SIGTERM, _end)
    with Server(uri, port) as server:
        try:
            server.start()
            _send(place)
            _wait(server)
            url = _page(place, uri, server.url)
            click.echo(f"{url}\nCtrl-C stops it.")
            _open(url, browser)
            while server.alive():
                time.sleep(0.3)
        except KeyboardInterrupt:
            click.echo("\nStopping the MLflow server.")
            return
        raise RecordError("the MLflow server ended", hint=f"See {server.log}")


def _require_free(port: int) -> None:
    from workbench.errors import RecordError
    from workbench.record.server import HOST, answers, free_port, is_free

    if not is_free(port):
        who = "an MLflow server" if answers(f"http://{HOST}:{port}") else "another program"
        raise RecordError(
            f"port {port} is taken by {who}", hint=f"Type: wb ui --port {free_port(min(port + 1, 65000))}"
        )


def _send(place: Path) -> None:
    """Send what is missing; a record that cannot be sent is said, and the others are shown all the same."""
    from workbench.errors import RecordError
    from workbench.record.places import study_folders
    from workbench.record.shipper import address, sync
    from workbench.record.shipping import pending

    try:
        left = sum(len(pending(folder, address(place))) for folder in study_folders(place))
        if left:
            click.echo(f"Sending {left} record{'s' if left > 1 else ''} that MLflow does not have yet.")
            for name, why in sync(place).kept.items():
                click.echo(f"Kept here: {name}: {why}", err=True)
    except RecordError as error:
        click.echo(f"Not everything could be sent: {error}", err=True)


def _wait(server: Server) -> None:
    """Wait until the server answers, with a dot a second for whoever watches."""
    watched = sys.stdout.isatty()
    click.echo("Starting the MLflow server (up to 15 seconds).", nl=not watched)
    told = time.monotonic()

    def tick() -> None:
        nonlocal told
        if watched and time.monotonic() - told > 1:
            told = time.monotonic()
            click.echo(".", nl=False)

    server.wait(tick=tick)
    if watched:
        click.echo()


def _page(place: Path, uri: str, url: str) -> str:
    """The page of the newest study in the UI at ``url``; the first page before any was sent."""
    from workbench.record.mlflow import without_credentials
    from workbench.record.places import study_folders
    from workbench.record.server import page
    from workbench.record.shipping import where

    url = without_credentials(url).rstrip("/")
    newest = sorted(study_folders(place), key=lambda folder: (folder / "study.json").stat().st_mtime, reverse=True)
    for folder in newest:
        found = where(folder, without_credentials(uri))
        if found is not None:
            return page(url, *found)
    return page(url)


def _open(url: str, browser: bool | None) -> None:
    screen = sys.stdout.isatty() and (
        sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    )
    if screen if browser is None else browser:
        import webbrowser

        if not webbrowser.open(url):
            click.echo("No browser could be opened; open the address above yourself.", err=True)


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends us like Ctrl-C, else the server would outlive us."""
    raise KeyboardInterrupt
