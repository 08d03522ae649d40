"""Import of a file that is too large for one request: uploaded in parts, then imported in the background."""

import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from shared.cli.client import Failure
from shared.cli.exits import Exit
from shared.cli.session import Session

#: Size of an uploaded part, in bytes.
PART_BYTES: Final = 8 * 1024 * 1024
_ENDED: Final = frozenset({"done", "held", "failed"})


def upload(
    s: Session,
    location: tuple[str, ...],
    content: bytes,
    *,
    query: Mapping[str, str | None],
    approve: str,
    every_s: float,
) -> dict[str, Any]:
    """Import a file in the background, wait for its end, and return the report as the import in a request does.

    `location` is the location's path, `query` says how to read the file, `every_s` is the polling interval. Raises
    Failure if the import failed.
    """
    path = (*location, "imports", s.api("POST", *location, "imports", query=query).json["id"])
    parts = [content[start : start + PART_BYTES] for start in range(0, len(content), PART_BYTES)]
    for number, part in enumerate(parts, 1):
        s.api("PUT", *path, "parts", str(number), content=part, headers={"Content-Type": "text/csv"})
        s.out.print(f"{number} of {len(parts)} parts uploaded")
    body = {"parts": len(parts), "sha256": sha256(content).hexdigest(), "approve": approve}
    run = s.api("POST", *path, "start", body=body).json
    while (state := s.api("GET", *path).json)["state"] not in _ENDED:
        time.sleep(every_s)
    if problem := state["problem"]:
        raise Failure(problem["detail"], Exit.REFUSED, {**problem, "problems": state["problems"]})
    run = s.api("GET", *location[:2], "runs", run["id"]).json
    return {**state, "refused": state["problems"], "counts": run["counts"], "run": run}
