"""The generated section of a documentation page, between two HTML comments. A page with several names each."""

from pathlib import Path
from typing import Final

_BEGIN: Final = "<!-- worked out{} -->\n"
_END: Final = "<!-- end of what is worked out{} -->"


def is_current(page: Path, text: str, *, name: str = "") -> bool:
    """Return whether the page's generated section equals `text`."""
    return _split(page, name)[1] == text


def replace_section(page: Path, text: str, *, name: str = "") -> None:
    """Replace the page's generated section by `text`. An unchanged page is not written."""
    before, shown, after = _split(page, name)
    if shown != text:
        begin, end = _marks(name)
        page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def _split(page: Path, name: str) -> tuple[str, str, str]:
    begin, end = _marks(name)
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    shown, _, after = rest.partition(end)
    return before, shown, after


def _marks(name: str) -> tuple[str, str]:
    suffix = f": {name}" if name else ""
    return _BEGIN.format(suffix), _END.format(suffix)
