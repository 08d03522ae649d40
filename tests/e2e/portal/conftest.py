"""A browser at the portal of the stack: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from infra.local.demo.simulator import Simulator
from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import LocalStack
from tests.e2e.portal.visitor import Visitor

SCREENSHOTS = ROOT / ".local" / "screenshots"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, as Debian packages it. Without one, what needs it is skipped, but not in CI, which installs it."""
    path = shutil.which("chromium")
    if path is None:
        missing = "Chromium is missing: apt-get install chromium."
        assert "CI" not in os.environ, missing
        # `make test` asks for Python, Node and make only
        pytest.skip(missing)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, stack: LocalStack) -> AsyncIterator[Visitor]:
    """Somebody at the portal who has the function key; whatever the page complains of fails the test."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = await context.new_page()
    arrived = Visitor(page, stack.info["host"], SCREENSHOTS)
    await arrived.enter(stack.info["key"])
    yield arrived
    await context.close()
    assert arrived.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def simulator(stack: LocalStack) -> AsyncIterator[Simulator]:
    """The directories' admin API."""
    async with Simulator(stack.info) as opened:
        yield opened


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    """A file with two people."""
    path = tmp_path / "people.csv"
    path.write_text("Name;E-mail;Department\nAda Byron;ada@example.com;Engines\nGrace;grace@example.com;\n", "utf-8")
    return path
