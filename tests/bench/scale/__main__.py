"""`python -m tests.bench.scale`: prints the tables of docs/performance/scale.md; with `--write` the page shows them."""

import argparse

from infra.local.stack.child import ROOT
from tests.bench.figures import assumptions, between_marks, measured
from tests.bench.scale.scenarios import page


def main() -> None:
    """Bound, simulate and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance/scale.md")
    chosen = parser.parse_args()
    text = page(measured(), assumptions())
    print(text)
    if chosen.write:
        between_marks(ROOT / "docs" / "performance" / "scale.md", text, write=True)


if __name__ == "__main__":
    main()
