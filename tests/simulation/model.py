"""The rules of recipients once more, as simply as they can be said: what random histories are compared with.

Written from docs/reference/recipient-rules.md, without a look at how the product does it: no snapshots, results or
fences, and everything at once.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Person:
    """Somebody in the directory."""

    id: str
    mail: str | None
    department: str | None
    enabled: bool = True
    guest: bool = False


@dataclass(frozen=True)
class Kept:
    """A recipient: `said` is what the directory said last, None if it never said anything."""

    origin: str
    status: str
    mail: str | None
    department: str | None
    person: str | None = None
    said: tuple[str | None, str | None] | None = None
    #: The groups that put them here.
    via: frozenset[str] = frozenset()


@dataclass
class Rules:
    """The preferences."""

    full: bool = True
    directory_to_csv: bool = False
    csv_to_directory: bool = False
    deactivate: bool = True
    guests: bool = True
    #: In groups mode, whether a department puts people at a location, beside the groups.
    by_department: bool = False


#: Where a department puts people.
PLACES = {"IT": "berlin", "HR": "munich"}


@dataclass
class Model:
    """One tenant: its directory, its locations with mapped groups, its recipients by location and key."""

    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    mapping: dict[str, set[str]] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    kept: dict[str, dict[str, Kept]] = field(default_factory=dict)
    #: Whose deactivation waits, by location.
    held: dict[str, set[str]] = field(default_factory=dict)
    #: The locations of which the run that holds them could not read everything.
    partial: set[str] = field(default_factory=set)

    def eligible(self, person: Person) -> bool:
        """Tell whether somebody can be a recipient."""
        return person.enabled and (self.rules.guests or not person.guest)

    def wanted(self, location: str, unread: frozenset[str] = frozenset()) -> set[str]:
        """Return who is at a location according to the directory, as far as it could be read."""
        if self.rules.full:
            return set() if "users" in unread else set(self.people)
        groups = self.mapping[location] - unread
        if "users" in unread:
            groups = {group for group in groups if not self.by_id(group)}
        found = {person for group in groups for person in self.groups[group] if person in self.people}
        if "users" in self.feeds(location) - unread:
            found |= {person.id for person in self.people.values() if PLACES.get(str(person.department)) == location}
        return found

    def by_id(self, group: str) -> bool:
        """Tell whether only the whole directory says who a group's members are: it feeds whatever the group feeds."""
        return all("users" in self.feeds(location) for location, groups in self.mapping.items() if group in groups)

    def feeds(self, location: str) -> set[str]:
        """Return what has to be read for a location."""
        if self.rules.full:
            return {"users"}
        by_rule = self.rules.by_department and location in PLACES.values()
        return self.mapping[location] | ({"users"} if by_rule else set())

    def via(self, location: str, person: str, before: frozenset[str], unread: frozenset[str]) -> frozenset[str]:
        """Return the groups that put somebody at a location; of those that cannot be read what was known before."""
        if self.rules.full:
            return frozenset()
        read = {group for group in self.mapping[location] - unread if person in self.groups[group]}
        return frozenset(read | (before & self.mapping[location] & unread))

    def sync(self, unread: frozenset[str]) -> str:
        """Sync, with some groups (or, in full mode, "users") that cannot be read; return how the run ends."""
        self.held = {}
        sources = {source for location in self.kept for source in self.feeds(location)}
        readable = not sources or not sources <= unread
        leaving: dict[str, set[str]] = {}
        baselines: dict[str, int] = {}
        news: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        for location, kept in self.kept.items():
            feeds = self.feeds(location)
            seen = self.wanted(location, unread)
            baselines[location] = sum(
                recipient.origin == "directory" and recipient.status == "active" for recipient in kept.values()
            )
            left = self._left(location, unread)
            news[location] = self._write(location, seen, unread), left
            for key, each in kept.items():
                if each.said is not None and each.person in seen and self._written(each):
                    kept[key] = replace(each, via=self.via(location, str(each.person), each.via, unread))
            if self.rules.deactivate:
                leaving[location] = {
                    key
                    for key, recipient in kept.items()
                    if recipient.origin == "directory"
                    and recipient.status == "active"
                    and self._leaves(str(recipient.person), seen, partial=bool(feeds & unread))
                }
        if readable or not all(map(self.feeds, self.kept)):
            for location, (waiting, left) in news.items():
                self._relink(location, waiting, left, unread)
        if not readable:
            return "failed"
        if self._guarded(leaving, baselines):
            self.held = leaving
            self.partial = {location for location in self.kept if self.feeds(location) & unread}
            return "held"
        for location, keys in leaving.items():
            self._leave(location, keys)
        return "done"

    def _leaves(self, person: str, seen: set[str], *, partial: bool) -> bool:
        """Return whether a person leaves: after a partial read only if the account is deleted or disabled."""
        if partial:
            return person not in self.people or not self.people[person].enabled
        return person not in seen or not self.eligible(self.people[person])

    def _written(self, each: Kept) -> bool:
        """Tell whether a sync writes a recipient whose person it has seen."""
        allowed = each.origin == "directory" or self.rules.directory_to_csv
        return allowed and self.eligible(self.people[str(each.person)])

    def _known(self, locations: Iterable[str], unread: frozenset[str]) -> tuple[set[str], Counter[str]]:
        """Return the people that some locations' sources name, as far as read, and the number of each address."""
        feeds = {feed for location in locations for feed in self.feeds(location)} - unread
        groups = feeds - {"users"}
        named = {person for group in groups for person in self.groups[group]}
        known = {person for group in groups if not self.by_id(group) for person in self.groups[group]}
        if "users" in feeds:
            named = known = set(self.people)
        mails = [self.people[person].mail for person in known if person in self.people]
        return named, Counter(mail.casefold() for mail in mails if mail)

    def _left(self, location: str, unread: frozenset[str]) -> dict[str, str]:
        """Return the persons of recipients that no directory made, who have just left all that was read completely."""
        named, _ = self._known([location], unread)
        if self.feeds(location) & unread:
            return {}
        return {
            key: each.person
            for key, each in self.kept[location].items()
            if each.origin != "directory" and each.person is not None and each.person not in named
            if each.via or self.rules.full
        }

    def _write(self, location: str, seen: set[str], unread: frozenset[str]) -> dict[str, str]:
        """Write who is there; return whose account has to be asked about first: the recipients, and who may be next."""
        kept = self.kept[location]
        before = dict(kept)
        named, claims = self._known(self.kept if self.rules.directory_to_csv else [location], unread)
        waiting = {}
        for person in sorted(seen):
            each = self.people[person]
            if self.eligible(each) and (key := self._write_one(kept, before, each, claims, named)) is not None:
                waiting[key] = person
        return waiting

    def _write_one(
        self, kept: dict[str, Kept], before: dict[str, Kept], each: Person, claims: Counter[str], named: set[str]
    ) -> str | None:
        mine = sorted(
            (key for key, found in before.items() if found.person == each.id),
            key=lambda key: (before[key].origin != "directory", key),
        )
        if mine:
            self._say(kept, mine[0], each)
            return None
        mail = (each.mail or "").casefold()
        same = [
            key
            for key, found in before.items()
            if mail
            and found.origin != "directory"
            and (found.person is None or found.person not in named)
            and (found.mail or "").casefold() == mail
        ]
        if not same:
            self._create(kept, each)
        elif len(same) == 1 and claims[mail] == 1:
            if before[same[0]].person is not None:
                return same[0]
            self._say(kept, same[0], each)
        return None

    @staticmethod
    def _create(kept: dict[str, Kept], each: Person) -> None:
        said = (each.mail, each.department)
        kept[each.id] = Kept("directory", "active", *said, person=each.id, said=said)

    def _relink(self, location: str, waiting: dict[str, str], left: dict[str, str], unread: frozenset[str]) -> None:
        """Match again those whose account is deleted; others keep theirs, and who may have been next is another."""
        kept = self.kept[location]
        for key, successor in waiting.items():
            new = key
            if kept[key].person in self.people:
                self._create(kept, self.people[successor])
                new = successor
            else:
                kept[key] = replace(kept[key], person=None)
                self._say(kept, key, self.people[successor])
            if kept[new].person is not None:
                kept[new] = replace(kept[new], via=self.via(location, successor, kept[new].via, unread))
        for key, person in left.items():
            if kept[key].person == person:
                stays = person in self.people
                kept[key] = replace(kept[key], via=frozenset()) if stays else replace(kept[key], person=None)

    def _say(self, kept: dict[str, Kept], key: str, each: Person) -> None:
        found = kept[key]
        if found.origin != "directory" and not self.rules.directory_to_csv:
            return
        mail, department = found.mail, found.department
        if found.said is None or found.said[0] != each.mail:
            mail = each.mail
        if found.said is None or found.said[1] != each.department:
            department = each.department
        status = "active" if found.status == "by sync" else found.status
        said = (each.mail, each.department)
        kept[key] = replace(found, mail=mail, department=department, person=each.id, said=said, status=status)

    @staticmethod
    def _guarded(leaving: dict[str, set[str]], baselines: dict[str, int]) -> bool:
        """Tell whether a location would lose everybody; the other limits are switched off in these histories."""
        return any(keys and len(keys) >= baselines[location] for location, keys in leaving.items())

    def _leave(self, location: str, keys: set[str]) -> None:
        kept = self.kept[location]
        for key in keys:
            if kept[key].status == "active":
                kept[key] = replace(kept[key], status="by sync")

    def approve(self) -> None:
        """Deactivate whom the last run holds, but for those who have returned since."""
        for location, keys in self.held.items():
            here, partial = self.wanted(location), location in self.partial
            gone = {key for key in keys if self._leaves(str(self.kept[location][key].person), here, partial=partial)}
            self._leave(location, gone)
        self.held = {}

    def import_rows(self, location: str, rows: dict[str, str | None]) -> None:
        """Merge rows of a file, a department by address."""
        kept = self.kept[location]
        before = dict(kept)
        for mail, department in rows.items():
            same = [key for key, found in before.items() if (found.mail or "").casefold() == mail]
            if not same:
                kept[f"new {len(kept)} {mail}"] = Kept("csv", "active", mail, department)
            elif len(same) == 1:
                found = before[same[0]]
                if found.origin != "directory" or self.rules.csv_to_directory:
                    kept[same[0]] = replace(found, mail=mail, department=department)
