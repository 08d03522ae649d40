"""The figures of the simulation on the page about reliability."""

from tests.simulation.engine.page import CAMPAIGN_ROWS, PAGE, ROWS, table

_BEGIN, _END = "<!-- worked out -->\n", "<!-- end of what is worked out -->"


def _shown() -> list[tuple[str, str]]:
    section = PAGE.read_text("utf-8").partition(_BEGIN)[2].partition(_END)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines()[2:]]
    return [(what, value) for what, value in rows]


def test_the_page_has_every_figure() -> None:
    """In the order of the program that writes it."""
    assert [what for what, _ in _shown()] == [*ROWS.values(), *CAMPAIGN_ROWS.values()]


def test_what_is_shown_is_complete() -> None:
    """Everything that was counted was visited, reached or caught, and nothing was violated."""
    shown = dict(zip(ROWS, (value for _, value in _shown()), strict=False))
    assert shown["crash_points_visited"] == shown["crash_points"]
    assert shown["lost_answer_points_visited"] == shown["lost_answer_points"]
    assert shown["sometimes_reached"] == shown["sometimes"]
    assert shown["planted_caught"] == shown["planted"]
    assert shown["violations"] in {"0", "not measured"}


def test_a_table() -> None:
    """A figure that was not measured is not shown as 0."""
    lines = table({"histories": 20_500, "violations": 0}, {"deliveries": 1_000_000}).splitlines()
    assert f"| {ROWS['histories']} | 20,500 |" in lines
    assert f"| {ROWS['violations']} | 0 |" in lines
    assert f"| {ROWS['planted']} | not measured |" in lines
    assert f"| {CAMPAIGN_ROWS['deliveries']} | 1,000,000 |" in lines
