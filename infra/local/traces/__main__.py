"""Print the traces of the local stack: `python -m infra.local.traces [TRACE, RUN or TENANT]`."""

import argparse
import sys
from pathlib import Path
from typing import Final

from infra.local.stack.child import ROOT
from infra.local.stack.local_stack import TELEMETRY
from infra.local.traces.otlp_files import read_spans
from infra.local.traces.tree import by_trace, matching, summary, tree

#: Number of traces that are listed; those before are found by their tenant or run.
_LISTED: Final = 30


def main() -> int:
    """List the latest traces, or print those that match as trees. Return 1 if there are none."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.traces", description=__doc__)
    parser.add_argument("word", nargs="?", help="id of a trace or its beginning, id of a run, or a tenant")
    parser.add_argument("--folder", type=Path, default=ROOT / ".local" / TELEMETRY)
    given = parser.parse_args()
    spans = read_spans(given.folder)
    if given.word is None:
        lines = [summary(*trace) for trace in list(by_trace(spans).items())[-_LISTED:]]
    else:
        lines = [line for trace in matching(spans, given.word).items() for line in tree(*trace)]
    if not lines:
        print("No traces: run `make up`, and sync a tenant.", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
