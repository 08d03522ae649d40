"""Numbers in sentences for people."""


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun: `counted(1, "row is", "rows are")` is "1 row is"."""
    return f"{number} {one if number == 1 else many}"
