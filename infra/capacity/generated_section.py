"""The generated section of a documentation page, between two HTML comments."""

from pathlib import Path
from typing import Final

_BEGIN: Final = "<!-- worked out -->\n"
_END: Final = "<!-- end of what is worked out -->"


def is_current(page: Path, text: str) -> bool:
    """Return whether the page's generated section equals `text`."""
    return _split(page)[1] == text


def replace_section(page: Path, text: str) -> None:
    """Replace the page's generated section by `text`. An unchanged page is not written."""
    before, shown, after = _split(page)
    if shown != text:
        page.write_text(f"{before}{_BEGIN}{text}{_END}{after}", encoding="utf-8")


def _split(page: Path) -> tuple[str, str, str]:
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    shown, _, after = rest.partition(_END)
    return before, shown, after
