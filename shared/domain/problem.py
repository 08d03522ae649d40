"""What went wrong at a source or a location, in a form that the history keeps."""

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that went wrong without stopping the run: what it concerns, a stable code, a sentence."""

    concerns: str
    code: str
    detail: str
