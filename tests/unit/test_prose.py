"""The prose check: counts of unwanted phrases per file may only fall."""

import pytest

from tests.support.prose import LEFT_OUT, baseline, docstrings, files, lowered, phrases


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# whoever asks, and somebody else", ["whoever", "somebody"]),
        ('raise Rejected("This is no tenant id.")', ["is no"]),
        ('raise Rejected("These are "\n    "no ids.")', ['are "\n    "no']),
        ("# It was\n# no group.", ["was\n# no"]),
        ("# The group is no longer there; there are no more pages; was none.", []),
        ("# known: the island is north of it", []),
        ("It is read anew, at once, and besides as it\nstands.", ["anew", "at once", "besides", "as it\nstands"]),
        ("Just now, meanwhile and so many of one piece.", ["Just now", "meanwhile", "so many", "of one piece"]),
        ('def run():\n    """Leave the run announced."""', ['"""Leave']),
        ('"""Hold if it is valid."""\n"""Tell whether it is."""', ['"""Hold', '"""Tell whether']),
        ("/** Leave the view. */", ["/** Leave"]),
        ('"""Return what they hold. Leave nothing out."""', []),
        ("Who is gone? Of those some. Whatever it is.", ["Who", "Of those", "Whatever"]),
        ("# The person who asked, and whatever follows. Whole pages.", []),
        ("for each in users: [x for name, each in pairs]", ["for each in", "for name, each in"]),
        ("for (const each of users) users.map((each) => each.id)", ["const each", "(each) =>"]),
        ("# One row for each of them, each in its table.", []),
    ],
)
def test_phrases_are_found_also_across_lines(text: str, words: list[str]) -> None:
    """Each rule counts what it names, in comments and string literals, and nothing else."""
    assert [found for _, found in phrases(text)] == words


def test_of_a_test_only_docstrings_count() -> None:
    """Names and messages in tests may contain any word; line numbers are not needed there."""
    source = '"""Nobody."""\ndef somebody() -> str:\n    """Leave it."""\n    return "whoever"\n'
    assert [words for _, words in phrases(docstrings(source))] == ["Nobody", '"""Leave']


def test_the_baseline_follows_moves_and_only_shrinks() -> None:
    """Phrases may move to another file together with code. Where they become more, the baseline is not rewritten."""
    assert lowered({"split": 5, "clean": 2}, {"split": 3, "part": 2, "clean": 0}) == {"part": 2, "split": 3}
    with pytest.raises(ValueError, match="1 above the baseline"):
        lowered({"same": 1}, {"same": 1, "new": 1})


def test_vendored_code_does_not_count() -> None:
    """The component library of the portal is not written here."""
    names = [name for name, _ in files()]
    assert "shared/portal/app.js" in names
    assert not [name for name in names if LEFT_OUT & set(name.split("/"))]


def test_no_file_has_more_of_these_phrases_than_its_baseline() -> None:
    """A count may only fall. New files and files that are not in the baseline have none."""
    allowed = baseline()
    found = {name: phrases(text) for name, text in files()}
    worse = [
        f"{name}: {len(spots)} phrases, at most {allowed.get(name, 0)} allowed: {spots}"
        for name, spots in found.items()
        if len(spots) > allowed.get(name, 0)
    ]
    assert not worse, "\n".join(
        [
            *worse,
            "Rewrite them (line, words).",
            "If you removed phrases or moved code between files, renew the baseline with: make prose-baseline",
        ]
    )
