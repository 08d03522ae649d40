"""Price the stored counts, print the bill, and write it into docs/performance/cost.md and README.md.

Run as `python -m infra.capacity.cost` after a change of assumptions.toml or prices.toml.
"""

from infra.capacity.cost.page import write_pages
from infra.capacity.figures import assumptions, measured, prices

if __name__ == "__main__":
    print(write_pages(measured(), assumptions(), prices()))
