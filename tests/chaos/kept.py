"""The rounds that were done: `rounds.jsonl` has one in each line, with its commit and the digest of its plan."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from tests.chaos.plan import Round, rounds
from tests.chaos.result import Result

#: The seed of the rounds that are kept.
SEED: Final = 2026
FILE: Final = Path(__file__).with_name("rounds.jsonl")


class Done(Result, kw_only=True):
    """A round that was done."""

    commit: str
    #: Digest of its plan. A round whose plan has changed since is not done.
    plan: str


def done(file: Path = FILE) -> list[Done]:
    """Return the rounds that were done as they are planned now."""
    planned = {one.number: digest(one) for one in rounds()}
    return [one for one in _lines(file) if one.plan == planned.get(one.number)]


def missing(known: Iterable[Done]) -> list[Round]:
    """Return the rounds that were not done, or differed from their twin."""
    good = {one.number for one in known if not one.differences}
    return [one for one in rounds() if one.number not in good]


def keep(plan: Round, result: Result, commit: str, file: Path = FILE) -> None:
    """Keep a round, in place of an earlier one with its number."""
    kept = {one.number: one for one in _lines(file)}  # read again: another process may have added some
    kept[plan.number] = Done(**msgspec.structs.asdict(result), commit=commit, plan=digest(plan))
    lines = (msgspec.json.encode(kept[number]) + b"\n" for number in sorted(kept))
    file.write_bytes(b"".join(lines))


def digest(plan: Round) -> str:
    """Return the digest of a plan: of everything that the round does."""
    return sha256(msgspec.json.encode(plan)).hexdigest()[:12]


def _lines(file: Path) -> list[Done]:
    return msgspec.json.Decoder(Done).decode_lines(file.read_bytes()) if file.exists() else []
