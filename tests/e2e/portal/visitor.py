"""What somebody does at the portal, in their words."""

from pathlib import Path
from typing import Any, Final

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Locator, Page, expect

#: What the API answers to what a test does wrong on purpose; the browser notes it, and the page shows it.
_EXPECTED: Final = ("401", "404", "409", "412", "413", "422", "400")
#: Longest wait for something to appear, in milliseconds: a validation asks a whole directory.
_PATIENCE_MS: Final = 30_000
#: The standards that are held to.
_STANDARDS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: A width at which a telephone shows the page.
_NARROW: Final = {"width": 360, "height": 780}
_WIDE: Final = {"width": 1280, "height": 900}


class Visitor:
    """One page of one browser."""

    def __init__(self, page: Page, host: str, screenshots: Path) -> None:
        self.page = page
        self._host = host
        self._screenshots = screenshots
        #: Errors of the page itself.
        self.complaints: list[str] = []
        page.set_default_timeout(_PATIENCE_MS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        expected = any(f"status of {status}" in message.text for status in _EXPECTED)
        if message.type in {"error", "warning"} and not expected:
            self.complaints.append(message.text)

    async def enter(self, key: str) -> None:
        """Be in, by the function key."""
        await self.page.goto(f"{self._host}/api/portal")
        await self.page.get_by_text("I operate this app").click()
        await self.page.fill("input[name=key]", key)
        await self.press("Sign in with the key")
        await self.sees("Tenants")

    async def open(self, tenant: str, view: str, title: str) -> None:
        """Be at a view of a tenant."""
        await self.page.goto(f"{self._host}/api/portal#/t/{tenant}/{view}")
        await expect(self.page.get_by_role("heading", level=1, name=title)).to_be_visible(timeout=_PATIENCE_MS)

    def button(self, label: str) -> Locator:
        """Return the last button with exactly this label: a dialog's is after the page's."""
        return self.page.locator("fluent-button").filter(has_text=label).last

    async def press(self, label: str) -> None:
        """Press a button."""
        await self.button(label).click()

    async def press_of(self, label: str) -> None:
        """Press the button that is described so, where several are labelled alike."""
        await self.page.locator(f'fluent-button[aria-label="{label}"]').click()

    async def fill(self, **fields: str) -> None:
        """Enter text, as if pasted, by the names of fields."""
        for name, text in fields.items():
            await self.page.fill(f"[name={name}]", text)
            await self.page.locator(f"[name={name}]").blur()

    async def sees(self, text: str) -> None:
        """Hold once a text is to be seen."""
        await expect(self.page.get_by_text(text).first).to_be_visible(timeout=_PATIENCE_MS)

    async def sees_badge(self, text: str) -> None:
        """Hold once a state is to be seen."""
        await expect(self.page.locator(".badge", has_text=text).first).to_be_visible(timeout=_PATIENCE_MS)

    async def failed_checks(self) -> list[str]:
        """Return the titles of what the report says is wrong, once it is there."""
        await self.page.locator(".report").wait_for()
        titles = await self.page.locator(".checks .fail strong").all_inner_texts()
        return [" ".join(title.split()).removeprefix("Failed: ") for title in titles]

    async def look(self, name: str) -> None:
        """Take pictures of what is there, wide and narrow, light and dark.

        Nothing of it may fail a rule of accessibility, nor be wider than a telephone.
        """
        await expect(self.page.locator(".waiting")).to_have_count(0)
        for scheme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=scheme)
            for kind, size in (("wide", _WIDE), ("narrow", _NARROW)):
                await self.page.set_viewport_size(size)  # type: ignore[arg-type]
                await self.page.evaluate("scrollTo(0, 0)")
                await self.page.screenshot(path=self._screenshots / f"{name}-{kind}-{scheme}.png", full_page=True)
                wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert await self.page.evaluate(wider) <= 0, f"{name} is too wide at {size['width']} pixels"
                scrolled = "[...document.querySelectorAll('.table')].filter((box) => box.scrollWidth > box.clientWidth)"
                tables = await self.page.evaluate(f"{scrolled}.map((box) => box.ariaLabel)")
                assert kind == "wide" or tables == [], f"{name}: tables that scroll sideways on a telephone: {tables}"
                await self._accessible(name, scheme)
        await self.page.emulate_media(color_scheme="light")
        await self.page.set_viewport_size(_WIDE)  # type: ignore[arg-type]

    async def _accessible(self, name: str, scheme: str) -> None:
        options: dict[str, Any] = {"runOnly": {"type": "tag", "values": _STANDARDS}}
        found = await Axe().run(self.page, options=options)
        assert found.violations_count == 0, f"{name}, {scheme}: {found.generate_report()}"
