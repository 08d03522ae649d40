"""What the pages of docs/ list is what there is."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from shared.adapters.entra.schema import SELECT
from shared.domain.connections.connection import CLOUD_ENDPOINTS
from shared.domain.connections.connection_health import BACK_OFF, WARN_DAYS
from shared.domain.connections.entra import login_errors, permissions
from shared.domain.connections.live_reads import READS
from shared.triggers.http.framework.rules import RULES

ROOT = Path(__file__).parents[2]
NEEDS = permissions.needs(sso_users=True)


def settings() -> set[str]:
    """Return the names in `shared/settings.py` that are spelled like settings."""
    text = (ROOT / "shared" / "settings.py").read_text(encoding="utf-8")
    return {word for word in text.split('"') if word.isupper() and "_" in word and word.isidentifier()}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("permissions.md", [need.permission for need in NEEDS]),
        ("permissions.md", SELECT.split(",")),
        ("permissions.md", [url.removeprefix("https://") for pair in CLOUD_ENDPOINTS.values() for url in
                            (pair.login, pair.graph)]),
        ("permissions.md", [", ".join(map(str, WARN_DAYS[:3]))]),
        ("permissions.md", [f" {wait.total_seconds() / 3600:.0f}" for wait in BACK_OFF]),
        ("http-api.md", [f"/{rule.split(' ')[1]}" for rule in RULES]),
        ("http-api.md", sorted({f"`{mistake.check}`" for mistake in login_errors.LOGIN_ERRORS.values()})),
        ("http-api.md", [f"`{read}`" for read in READS]),
        ("settings.md", sorted(settings())),
    ],
)  # fmt: skip
def test_a_page_names_what_there_is(page: str, words: Iterable[str]) -> None:
    """Nothing was added without a word about it."""
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8").replace("7 and 1", "7, 1")
    assert [word for word in words if word not in text] == []


def test_every_aadsts_number_has_its_own_sentence() -> None:
    """No two of them say the same."""
    known = login_errors.LOGIN_ERRORS.values()
    for said in ([each.title for each in known], [each.detail for each in known], [each.fix for each in known]):
        assert [text for text, times in Counter(said).items() if times > 1] == []
