"""Cutting people into parts, so that only one part of many people is held as structs at a time.

They are cut by the id that their directory's recipient has, which is the order in which recipients are read.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import ceil
from operator import attrgetter
from typing import Final

import msgspec
from isal.isal_zlib import compress, decompress

from shared.domain.directory import DirectoryUser
from shared.domain.ids import connection_of, recipient_id_of
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.domain.snapshots.verification import CompleteSnapshot, Verification, VerifiedWhole

#: People of one part: deciding about them keeps the event loop for some 3 ms.
PART_PEOPLE: Final = 256
#: Ids are cut after this many hexadecimal digits.
_DIGITS: Final = 3
#: Up to so many users of a source stay structs; of more, the parts are packed until they are asked for.
_UNPACKED: Final = 20_000
#: Bytes of a part that are compressed at once, and ISA-L's level.
_BLOCK: Final = 16 * 1024
_LEVEL: Final = 1
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[DirectoryUser])
_ID: Final = attrgetter("id")


class Cuts:
    """Where recipient ids are cut: any text is in exactly one part, and parts are in the order of ids."""

    def __init__(self, people: int, size: int = PART_PEOPLE) -> None:
        """Cut so that of random ids about `size` are in each part."""
        places = 16**_DIGITS
        self.count = min(places, max(1, ceil(people / size)))
        self._bounds = [f"{number * places // self.count:0{_DIGITS}x}" for number in range(1, self.count)]

    def part_of(self, name: str) -> int:
        """Return the part that a recipient id is in."""
        return bisect_right(self._bounds, name)


class CutSnapshot(VerifiedWhole):
    """Every user of a source in parts. There is one way to build it, `Cutter.verified`."""

    __slots__ = ("__weakref__", "_parts", "_source")

    def __init__(
        self, ref: SnapshotManifest, parts: "Sequence[_Packed] | Sequence[list[DirectoryUser]]", key: object
    ) -> None:
        if key is not _KEY:
            raise TypeError("a CutSnapshot is built by Cutter.verified only")
        self._source = ref.source
        self.conclusive = ref.digest.conclusive
        self._parts: list[_Packed | CompleteSnapshot] = [
            each if isinstance(each, _Packed) else self._in_order(each) for each in parts
        ]

    def part(self, number: int) -> CompleteSnapshot:
        """Return everybody of the source whose recipient id is in a part, in the order of object ids."""
        found = self._parts[number]
        return found if isinstance(found, CompleteSnapshot) else self._in_order(found.users())

    def free_some(self) -> bool:
        """Free the memory of the last parts, which cannot be asked for any more; tell whether there are others."""
        freed = 0
        while self._parts and freed < PART_PEOPLE:
            last = self._parts.pop()
            freed += len(last.users) if isinstance(last, CompleteSnapshot) else 1
        return bool(self._parts)

    def _in_order(self, users: list[DirectoryUser]) -> CompleteSnapshot:
        return CompleteSnapshot.of_part(self._source, sorted(users, key=_ID), self)


_KEY: Final = object()


class Cutter:
    """Takes the pages of a snapshot in order, and cuts them."""

    def __init__(self, ref: SnapshotManifest, cuts: Cuts) -> None:
        self._ref = ref
        self._cuts = cuts
        self._verification = Verification()
        self._packs = ref.digest.users > _UNPACKED
        self._lists: list[list[DirectoryUser]] = [] if self._packs else [[] for _ in range(cuts.count)]
        self._packed = [_Packed() for _ in range(cuts.count)] if self._packs else []

    def add(self, page: bytes) -> None:
        """Take the next page."""
        part_of, connection = self._cuts.part_of, connection_of(self._ref.source)
        for user in self._verification.add(page):
            part = part_of(recipient_id_of(connection, user.id))
            if self._packs:
                self._packed[part].add(user)
            else:
                self._lists[part].append(user)

    def verified(self) -> CutSnapshot:
        """Return the snapshot. Raises: Conflict if the pages are not exactly those that the reference promises."""
        self._verification.require(self._ref)
        return CutSnapshot(self._ref, self._packed or self._lists, _KEY)


class _Packed:
    """Users of one part, as msgpack in compressed blocks."""

    __slots__ = ("_blocks", "_count", "_open")

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open = bytearray()
        self._count = 0

    def add(self, user: DirectoryUser) -> None:
        self._open += _ENCODER.encode(user)
        self._count += 1
        if len(self._open) >= _BLOCK:
            self._blocks.append(compress(self._open, _LEVEL))
            self._open = bytearray()

    def users(self) -> list[DirectoryUser]:
        head = b"\xdd" + self._count.to_bytes(4, "big")  # an array of so many in msgpack
        return _DECODER.decode(b"".join([head, *map(decompress, self._blocks), self._open]))
