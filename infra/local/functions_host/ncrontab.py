"""NCRONTAB expressions, read as the parser in the Functions host reads them (NCrontab.Signed 3.4.0). Pure functions.

It differs from other cron dialects: day of month *and* day of week must match, a backward range is turned round instead
of wrapped, names may be cut to any beginning, and weekday 7 does not exist.
Source: https://github.com/atifaziz/NCrontab, and recorded occurrences in `ncrontab.json` beside the tests.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from typing import Final

from infra.local.functions_host.errors import Rejected

#: What the parser returns for an expression without a further occurrence, such as 30 February.
NO_OCCURRENCE: Final = datetime.max.replace(tzinfo=UTC)
_FIELDS: Final = 6
#: .NET's `int.Parse`: white space around, and a sign. A value must begin with a digit, a step need not.
_VALUE: Final = re.compile(r"[0-9]+[\t-\r ]*")
_STEP: Final = re.compile(r"[\t-\r ]*[+-]?[0-9]+[\t-\r ]*")
_INT_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Kind:
    """One field of an expression: its range, and the names of its values from the lowest on."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_KINDS: Final = (
    _Kind("second", 0, 59),
    _Kind("minute", 0, 59),
    _Kind("hour", 0, 23),
    _Kind("day of month", 1, 31),
    _Kind("month", 1, 12, _MONTHS),
    _Kind("day of week", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """The values of the six fields, each in ascending order."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]  #: 0 is Sunday

    @classmethod
    def parse(cls, text: str) -> "Expression":
        """Return the expression of five fields, without seconds, or six. Only spaces separate fields.

        Raises:
            Rejected: It is not valid.
        """
        fields = [field for field in text.split(" ") if field]
        if len(fields) == _FIELDS - 1:
            fields = ["0", *fields]
        if len(fields) != _FIELDS:
            raise Rejected(f'{text!r} is not an NCRONTAB schedule of five or six fields, such as "0 */5 * * * *"')
        return cls(*(_values(kind, field) for kind, field in zip(_KINDS, fields, strict=True)))

    def after(self, moment: datetime) -> datetime:
        """Return the first occurrence later than `moment`, to the second; `NO_OCCURRENCE` if there is none."""
        earliest = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        for day in self._days_from(earliest.date()):
            at = self._time_from(earliest.time() if day == earliest.date() else time())
            if at is not None:
                return datetime.combine(day, at, UTC)
        return NO_OCCURRENCE

    def _days_from(self, first: date) -> Iterator[date]:
        for year in range(first.year, MAXYEAR + 1):
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                last = monthrange(year, month)[1]
                for number in self.days:
                    if number > last:
                        break
                    day = date(year, month, number)
                    if day >= first and day.isoweekday() % 7 in self.weekdays:
                        yield day

    def _time_from(self, first: time) -> time | None:
        for hour in self.hours:
            for minute in self.minutes:
                if (hour, minute) >= (first.hour, first.minute):
                    for second in self.seconds:
                        if (hour, minute, second) >= (first.hour, first.minute, first.second):
                            return time(hour, minute, second)
        return None


def _values(kind: _Kind, field: str) -> tuple[int, ...]:
    """Return the values of a field. A comma at its beginning does not separate values."""
    parts = field.split(",") if field.find(",") > 0 else [field]
    return tuple(sorted({value for part in parts for value in _range(kind, part)}))


def _range(kind: _Kind, part: str) -> range:
    base, step = part, 1
    slash = part.find("/")
    if slash > 0:
        base, step = part[:slash], _integer(kind, _STEP, part[slash + 1 :])
    step = max(step, 1)  # a step that is not positive counts as one
    if base == "*":
        return range(kind.lowest, kind.highest + 1, step)
    dash = base.find("-")
    if dash > 0:
        first, last = sorted((_value(kind, base[:dash]), _value(kind, base[dash + 1 :])))
    else:
        first = last = _value(kind, base)
        if slash > 0:
            first, last = sorted((first, kind.highest))
    if first < kind.lowest or last > kind.highest:
        raise Rejected(f"{part!r} is not between {kind.lowest} and {kind.highest}, as a {kind.name} has to be")
    return range(first, last + 1, step)


def _value(kind: _Kind, text: str) -> int:
    """Return a number, or the first value whose name begins with the text in any letter case."""
    if text[:1].isascii() and text[:1].isdigit():
        return _integer(kind, _VALUE, text)
    for number, name in enumerate(kind.names, start=kind.lowest):
        if text and name.casefold().startswith(text.casefold()):
            return number
    raise Rejected(f"{text!r} is not a {kind.name}")


def _integer(kind: _Kind, form: re.Pattern[str], text: str) -> int:
    if form.fullmatch(text) is None or abs(int(text)) > _INT_MAX:
        raise Rejected(f"{text!r} is not a number of a {kind.name}")
    return int(text)
