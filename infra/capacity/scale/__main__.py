"""Print the tables of docs/performance/scale.md; with `--write`, put them into the page.

Run as `python -m infra.capacity.scale`.
"""

import argparse

from infra.capacity.figures import assumptions, measured
from infra.capacity.generated_section import replace_section
from infra.capacity.scale.scenarios import page
from infra.local.stack.child import ROOT


def main() -> None:
    """Compute the bounds, run the simulation and print both."""
    parser = argparse.ArgumentParser(prog="python -m infra.capacity.scale", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance/scale.md")
    chosen = parser.parse_args()
    text = page(measured(), assumptions())
    print(text)
    if chosen.write:
        replace_section(ROOT / "docs" / "performance" / "scale.md", text)


if __name__ == "__main__":
    main()
