"""A person's way: run a study, open the MLflow UI in a browser, and see the study, its runs and its figure."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.project import Project, copy_project
from workbench.record.server import free_port

SLOW = 90_000  # milliseconds: the page's scripts are large, and the machine may be busy
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def project(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of its own in which a study has been run and not all of it is in MLflow yet."""
    found = copy_project(template, tmp_path_factory.mktemp("browser") / "p")
    found.wb("run", "experiments/target", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    return found


@pytest.fixture(scope="module")
def address(project: Project) -> Iterator[str]:
    """What ``wb ui`` prints: the page of the newest study."""
    port = free_port(5800)
    with subprocess.Popen(
        project.command("ui", "--port", str(port), "--no-browser"),
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # a study's terminal lets Ctrl-C through; a test's runner may be one that ignores it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as server:
        assert server.stdout is not None
        said = ""
        while (found := re.search(rf"http://127\.0\.0\.1:{port}/#/\S+", said)) is None:
            line = server.stdout.readline()
            assert line, f"wb ui ended without an address:\n{said}"
            said += line
        assert "Sending 4 records that MLflow does not have yet." in said
        try:
            yield found.group()
        finally:
            server.send_signal(signal.SIGINT)
            rest = server.stdout.read()
    assert server.returncode == 0 and "Stopping" in rest


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of headless Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "there is no chromium here; on Debian and Ubuntu: apt-get install chromium"
        if os.environ.get("WB_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(SLOW)
        yield page
        browser.close()


def opened(page: Page, address: str) -> None:
    """Go there, and close the assistant that MLflow opens over a new visitor's page."""
    page.goto(address)
    close = page.locator("[data-component-id='mlflow.assistant.chat_panel.close']")
    if close.is_visible():
        close.click()


def values(page: Page, name: str) -> str:
    """The text of the row of a metric or a parameter on a run's page."""
    row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
    expect(row.first).to_be_visible()
    return row.first.inner_text()


@pytest.mark.browser
@pytest.mark.slow
def test_the_ui_shows_the_study_its_runs_and_its_figure(page: Page, address: str, project: Project) -> None:
    expect.set_options(timeout=SLOW)
    base, ours = address.split("/#/")[0], "?workflowType=machine_learning"

    opened(page, address)  # the study's own page
    expect(page.get_by_role("heading", name="target (default)")).to_be_visible()
    expect(page.get_by_text("Model registry")).to_be_visible()  # the half of the UI that is about training
    expect(page.get_by_text("Child runs", exact=True)).to_be_visible()
    expect(page.get_by_text("Finished", exact=True).first).to_be_visible()
    for name in ("Tuned / 0 / main", "Scratch / 0 / main", "First / 0 / source"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    error = project.runs()["target", "Scratch", "0"]["result"]["metrics"]["test/error"]
    assert str(error) in values(page, "main/Scratch/mean")

    run = address.split("?")[0]
    page.goto(f"{run}/artifacts/figure.png{ours}")
    figure = page.locator("img[src^='blob:']").first
    expect(figure).to_be_visible()
    assert figure.evaluate("image => image.naturalWidth") > 300

    page.goto(f"{base}/#/experiments{ours}")  # from the list of experiments to the table, children below the study
    page.get_by_role("link", name="target", exact=True).first.click()
    page.goto(re.sub(r"/runs/\w+", "/runs", run) + ours)
    expect(page.get_by_text("target (default)")).to_be_visible()
    expect(page.get_by_text("Tuned / 0 / main")).to_have_count(0)
    page.locator("[role=row]", has_text="target (default)").locator("button").first.click()
    expect(page.get_by_text("Tuned / 0 / main")).to_be_visible()

    page.get_by_role("link", name="Scratch / 0 / main").click()  # a run: what it was and what came of it
    expect(page.get_by_text("Parent run")).to_be_visible()
    assert str(error) in values(page, "test/error")
    assert "resnet8" in values(page, "model.arch")
    page.goto(page.url.split("?")[0] + "/model-metrics" + ours)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
