"""`make attack`: bad inputs at every route and queue; figures are printed and stored in `.local/attack.json`."""

import argparse
import asyncio
import json
import logging
import random
import sys
from pathlib import Path
from typing import Final

from tests.attack.campaign import attack

_OUT: Final = Path(__file__).parents[2] / ".local" / "attack.json"
#: Number of inputs of each kind, those that decode and those that do not, for every route and queue.
_EACH: Final = 100


def main() -> None:
    """Attack, print the figures, and exit with 1 if an input was not refused, or changed something."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="repeat the inputs of this seed")
    parser.add_argument("--each", type=int, default=_EACH, help="inputs of each kind for every route and queue")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    figures = asyncio.run(attack(chosen.seed, chosen.each))
    _OUT.parent.mkdir(exist_ok=True)
    _OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in figures.items():
        print(f"{name:16} {value}")
    sys.exit(1 if figures["crashed"] or figures["accepted"] or figures["changed"] else 0)


if __name__ == "__main__":
    main()
