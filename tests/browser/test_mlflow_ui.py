"""A person's way: run a study, open the MLflow UI in a browser, and see the study, its runs and its figure."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

SPEC = '''"""Does a small network learn worse without batch normalisation?"""

from workbench import Experiment, ImageArrays, Learner, Network, Norm, OneCycle


class Baseline(Learner):
    """The network with batch normalisation."""

    data = ImageArrays("data/stripes.npz")
    model = Network("resnet8")
    fit = OneCycle(epochs=1, batch=32, lr=3e-3)


class WithoutNorm(Baseline):
    """Without normalisation the same network learns worse in the same time."""

    model = Baseline.model.but(norm=Norm(kind="none"))


experiment = Experiment(baseline=Baseline, arms=[WithoutNorm], seeds=1)
'''

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


def wb(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command line that must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "workbench", *words], cwd=folder, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"wb {' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done


def stripes(path: Path) -> None:
    """Images of horizontal or vertical stripes: two classes that a small network tells apart in one epoch."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 160).astype(np.uint8)
    images = random.integers(0, 60, (160, 28, 28)).astype(np.uint8)
    images[labels == 0, ::4, :] += 180
    images[labels == 1, :, ::4] += 180
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        train_images=images[:120],
        train_labels=labels[:120],
        test_images=images[120:],
        test_labels=labels[120:],
        classes=np.array(["horizontal", "vertical"]),
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of its own in which one study has been run."""
    root = tmp_path_factory.mktemp("project")
    stripes(root / "data/stripes.npz")
    spec = root / "experiments/stripes/spec.py"
    spec.parent.mkdir(parents=True)
    spec.write_text(SPEC)
    (root / ".gitignore").write_text(".wb/\n/data/\n")
    for words in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(words, cwd=root, check=True)
    wb(root, "data", "pin", "data/stripes.npz")
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    name = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    subprocess.run(["git", *name, "commit", "-q", "-m", "one experiment"], cwd=root, check=True)
    wb(root, "run", "experiments/stripes", "--smoke")
    return root


@pytest.fixture(scope="module")
def address(study: Path) -> Iterator[str]:
    """Where ``wb ui`` says that it shows the record of the study."""
    with subprocess.Popen(
        [sys.executable, "-m", "workbench", "ui", "--port", "0"],
        cwd=study,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as server:
        assert server.stdout is not None
        said = ""
        while (found := re.search(r"http://127\.0\.0\.1:\d+", said)) is None:
            line = server.stdout.readline()
            assert line, f"wb ui ended without an address:\n{said}"
            said += line
        yield found.group()
        server.terminate()
        server.stdout.read()
        assert server.wait(timeout=30) in (0, 130, 143, -15)


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


@pytest.mark.browser
@pytest.mark.slow
def test_the_ui_shows_the_study_its_runs_and_its_figure(page: Page, address: str, study: Path) -> None:
    expect.set_options(timeout=SLOW)
    page.goto(f"{address}/#/experiments")
    page.get_by_role("link", name="stripes", exact=True).first.click()
    expect(page).to_have_url(re.compile(r"/experiments/\d+"))
    number = re.search(r"/experiments/(\d+)", page.url)
    assert number is not None
    page.goto(f"{address}/#/experiments/{number.group(1)}/runs")
    parent = page.get_by_role("link", name=re.compile("stripes")).and_(page.locator("a[href*='/runs/']")).first
    parent.click()
    expect(page.get_by_text("Child runs")).to_be_visible()
    for arm in ("Baseline", "WithoutNorm"):
        expect(page.get_by_role("link", name=re.compile(arm)).first).to_be_visible()
    expect(page.get_by_text("Finished", exact=True).first).to_be_visible()
    run = page.url.split("?")[0]
    page.goto(f"{run}/artifacts/figure.png")
    figure = page.locator("img[src^='blob:']").first
    expect(figure).to_be_visible()
    assert figure.evaluate("image => image.naturalWidth") > 300
