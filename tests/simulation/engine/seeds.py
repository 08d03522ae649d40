"""Seeds of histories that have failed. The suite repeats them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

SEEDS: Final = Path(__file__).with_name("failed_seeds.txt")


def kept() -> list[tuple[int, int]]:
    """Return the seeds that have failed, each with its number of deliveries."""
    lines = SEEDS.read_text("utf-8").splitlines()
    return [
        (int(seed), int(deliveries)) for seed, deliveries, *_ in (line.split() for line in lines if line[:1].isdigit())
    ]


def keep(failed: Mapping[tuple[int, int], str]) -> None:
    """Add seeds with their number of deliveries and what did not hold. A seed that is kept already is skipped."""
    known = set(kept())
    with SEEDS.open("a", encoding="utf-8") as file:
        file.writelines(
            f"{seed} {deliveries}  # {what}\n"
            for (seed, deliveries), what in failed.items()
            if (seed, deliveries) not in known
        )
