"""Collector: what a directory reports, in compressed buffers by partition, until all of it was read.

A million people take 54 MB. A job that hands over stores its buffers as *segments*, which a later job loads.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
from isal.isal_zlib import compress, decompress

from shared.domain.directory import DirectoryUser, Fields
from shared.domain.ids import SourceId, connection_of, recipient_id_of
from shared.domain.snapshots.delta import Item, person_of
from shared.domain.snapshots.partitions import MAX_PARTITIONS, partition_of

#: Size from which the end of a buffer is compressed, in bytes, and ISA-L's level.
_BLOCK_BYTES: Final = 16 * 1024
_LEVEL: Final = 1
#: Size of a segment, in bytes: a row of Table Storage holds 704 KiB.
SEGMENT_BYTES: Final = 600_000
_ENCODER: Final = msgspec.msgpack.Encoder()
_ITEMS: Final = msgspec.msgpack.Decoder(list[DirectoryUser | Fields | str])
#: Number of a range of ids, number of its items, and their blocks.
_Packed = tuple[int, int, list[bytes]]
_SEGMENT: Final = msgspec.msgpack.Decoder(list[_Packed])


@dataclass(slots=True)
class _Buffer:
    """Items of the people in one range of ids, in the order of the directory, as msgpack."""

    items: int = 0
    blocks: list[bytes] = field(default_factory=list)
    end: bytearray = field(default_factory=bytearray)

    def add(self, item: Item) -> None:
        self.end += _ENCODER.encode(item)
        self.items += 1
        if len(self.end) >= _BLOCK_BYTES:
            self.close()

    def close(self) -> None:
        if self.end:
            self.blocks.append(compress(self.end, _LEVEL))
            self.end = bytearray()

    def read(self) -> list[Item]:
        head = b"\xdd" + self.items.to_bytes(4, "big")  # a msgpack array of this many items
        return _ITEMS.decode(b"".join([head, *map(decompress, self.blocks), self.end]))


class Collector:
    """Collects the items of one source."""

    def __init__(self, source: SourceId) -> None:
        self._connection = connection_of(source)
        self._buffers: dict[int, _Buffer] = {}
        #: Number of items that were added.
        self.items = 0

    def add(self, items: Iterable[Item]) -> None:
        """Add items, in the order of the directory."""
        for item in items:
            self._buffer(partition_of(recipient_id_of(self._connection, person_of(item)))).add(item)
            self.items += 1

    def _buffer(self, lane: int) -> _Buffer:
        found = self._buffers.get(lane)
        return found if found is not None else self._buffers.setdefault(lane, _Buffer())

    @property
    def is_whole(self) -> bool:
        """Whether all items that were added are still there."""
        return sum(buffer.items for buffer in self._buffers.values()) == self.items

    @property
    def size_bytes(self) -> int:
        """Size of the buffers."""
        return sum(len(buffer.end) + sum(map(len, buffer.blocks)) for buffer in self._buffers.values())

    def partitions(self, count: int) -> list[int]:
        """Return the numbers of the partitions, of `count`, that have items."""
        return sorted({lane * count // MAX_PARTITIONS for lane in self._buffers})

    def most(self, count: int) -> int:
        """Return the number of items of the partition, of `count`, that has the most."""
        items = Counter[int]()
        for lane, buffer in self._buffers.items():
            items[lane * count // MAX_PARTITIONS] += buffer.items
        return max(items.values(), default=0)

    def take(self, number: int, count: int, *, keep: bool = False) -> list[Item]:
        """Return the items of a partition, and remove them unless `keep`.

        Those of one person are in the order of the directory.
        """
        size = MAX_PARTITIONS // count
        lanes = [lane for lane in range(number * size, (number + 1) * size) if lane in self._buffers]
        items = [item for lane in lanes for item in self._buffers[lane].read()]
        if not keep:
            for lane in lanes:
                del self._buffers[lane]
        return items

    def segments(self) -> Iterator[bytes]:
        """Yield everything as segments of at most some `SEGMENT_BYTES`."""
        segment: list[_Packed] = []
        size = 0
        for lane, buffer in self._buffers.items():
            buffer.close()
            segment.append((lane, buffer.items, buffer.blocks))
            size += sum(map(len, buffer.blocks))
            if size > SEGMENT_BYTES:
                yield _ENCODER.encode(segment)
                segment, size = [], 0
        if segment:
            yield _ENCODER.encode(segment)

    def load(self, segment: bytes) -> None:
        """Add the items of a segment after those that are there."""
        for lane, items, blocks in _SEGMENT.decode(segment):
            buffer = self._buffer(lane)
            buffer.close()
            buffer.blocks += blocks
            buffer.items += items
            self.items += items
