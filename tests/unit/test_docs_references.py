"""Every path, link and command that README, CONTRIBUTING, SECURITY and docs/ name exists."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "shared").rglob("*.md")),
]
#: A path of the repository in backticks: it begins with a top-level folder, or is a file of a known kind.
PATH = re.compile(r"(?:shared|infra|tests|docs|\.ci)(?:/[\w.{},*-]+)*/?")
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|md|toml|json|lock|txt)|Makefile|LICENSE")
#: Written at run time, or by the reader.
GENERATED = {"local.settings.json"}


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _code(text: str) -> Iterator[str]:
    """Yield the code spans and code blocks of a page, pictures aside."""
    for block in re.findall(r"^```(?!mermaid)\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def _expanded(path: str) -> list[str]:
    """Return the paths that braces stand for."""
    match = re.search(r"\{([^{}]*)\}", path)
    if match is None:
        return [path]
    return list(chain(*(_expanded(path.replace(match[0], word, 1)) for word in match[1].split(","))))


def _exists(path: str) -> bool:
    if "*" in path:
        return next(ROOT.glob(path), None) is not None
    return (ROOT / path).exists()


def _anchors(page: Path) -> set[str]:
    """Return what the headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_path_in_backticks_exists(page: Path) -> None:
    """A file that was moved or renamed is noticed in the docs."""
    words = {word for code in _code(page.read_text(encoding="utf-8")) for word in code.split()}
    paths = {word for word in words if PATH.fullmatch(word) or FILE.fullmatch(word)} - GENERATED
    paths = {path for path in paths if not path.startswith(".local/")}
    near = (page.parent, ROOT)
    missing = [
        path
        for word in sorted(paths)
        for path in _expanded(word)
        if not _exists(path) and not any((folder / path).exists() for folder in near)
    ]
    assert missing == [], f"{_name(page)} names paths that do not exist"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links between pages name a file that exists, and a heading of it."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == [], f"{_name(page)} has broken links"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_exists(page: Path) -> None:
    """`make x` names a target, `python -m x` a module that can be run."""
    code = "\n".join(_code(page.read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|\s)make ([a-z-]+)", code))
    assert named - targets == set(), f"{_name(page)} names make targets that do not exist"
    for module in set(re.findall(r"python -m ((?:shared|infra|tests)[\w.]*)", code)):
        path = ROOT / module.replace(".", "/")
        runs = path.with_suffix(".py").exists() or (path / "__main__.py").exists()
        assert runs, f"{_name(page)} runs {module}, which does not exist"


def test_every_page_is_in_the_index() -> None:
    """docs/index.md leads to every page, except decisions and runbooks, which have indexes of their own."""
    docs = ROOT / "docs"
    own = [docs / "decisions", docs / "runbooks"]
    for index, pages in (
        (docs / "index.md", [page for page in docs.rglob("*.md") if page.parent not in own]),
        (docs / "index.md", [folder / "README.md" for folder in own]),
        (docs / "runbooks" / "README.md", (docs / "runbooks").glob("*.md")),
        (docs / "decisions" / "README.md", (docs / "decisions").glob("0*.md")),
    ):
        links = re.findall(r"\]\(([^)\s#]+)", index.read_text(encoding="utf-8"))
        linked = {(index.parent / link).resolve() for link in links if not link.startswith("http")} | {index}
        assert [_name(page) for page in pages if page not in linked] == [], f"{_name(index)} does not link these pages"


def test_every_folder_of_the_product_is_in_the_code_map() -> None:
    """A folder that is added to shared/ gets its line in docs/explanation/architecture.md."""
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    code_map = page.split("## The code map")[1].split("\n## ")[0]
    folders = [path for path in (ROOT / "shared").rglob("*") if path.is_dir() and path.name != "__pycache__"]
    assert [name for name in map(_name, folders) if f"| `{name}` |" not in code_map] == []
