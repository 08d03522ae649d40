"""The seed of generated inputs: always the same in the suite, so that a commit passes or fails whenever it is tested.

Other inputs are tried where a failure stops no other commit: by `make attack`, and by `SEED=<number>` before a command
of pytest. What fails there is a fault of the product or of a test, and the suite gets a test for it.
"""

import os
from typing import Final

#: Number that was given, or None.
GIVEN: Final = int(os.environ["SEED"]) if os.environ.get("SEED") else None
SEED: Final = 2026 if GIVEN is None else GIVEN
