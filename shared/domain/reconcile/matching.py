"""Matching of directory users with recipients of other origins: which of them are the same person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.email_address import is_address
from shared.domain.ids import MAIN, ConnectionId, ObjectId, RecipientId
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Origin, Profile, Recipient, Status
from shared.domain.text import address_key, comparison_key

#: Sentinel for an ambiguous match.
AMBIGUOUS: Final = Recipient(
    id=RecipientId("ambiguous"), origin=Origin.MANUAL, status=Status.DEACTIVATED_MANUALLY, profile=Profile()
)
#: The steps by which a recipient without a known account is matched, in their order: its address is the person's
#: `mail`, another proxy address, the user principal name or one of `otherMails`; or the employee id is the same.
_MAIL, _ALIAS, _NAME, _OTHER_MAIL, _EMPLOYEE = _STEPS = range(5)


class Matching:
    """Matches directory users with recipients that the directory did not create.

    Call `claim` for all users that were read before the first match is asked for.
    """

    def __init__(self, stored: Iterable[Recipient], connection: ConnectionId = MAIN) -> None:
        """Match these recipients. Of two with the same object id, the one with the smaller id is used.

        A recipient that was matched with a user of another connection is not matched again. An invalid address, which
        a directory may have, is not used.
        """
        #: Recipients that were matched before.
        self.by_object_id: dict[ObjectId, Recipient] = {}
        self._unmatched: list[Recipient] = []
        #: The values of recipients by which they can be matched.
        self._addresses: set[str] = set()
        self._employees: set[str] = set()
        #: The people who have such a value, by step.
        self._people: defaultdict[tuple[int, str], set[ObjectId]] = defaultdict(set)
        #: Object ids of `by_object_id` that were read, and those that were read here.
        self._present: set[ObjectId] = set()
        self._here: set[ObjectId] = set()
        self._resolved: dict[ObjectId, list[tuple[int, Recipient]]] | None = None
        self._doubtful: set[ObjectId] = set()
        for recipient in sorted(stored, key=lambda recipient: recipient.id):
            if recipient.origin is Origin.DIRECTORY:
                continue
            if recipient.object_id is None:
                self._unmatched.append(recipient)
            elif recipient.connection != connection or recipient.object_id in self.by_object_id:
                continue
            else:
                self.by_object_id[recipient.object_id] = recipient
            address, employee = _values(recipient)
            self._addresses.update({address} - {""})
            self._employees.update({employee} - {""})

    @property
    def any(self) -> bool:
        """Whether any user can be matched."""
        return bool(self.by_object_id or self._addresses or self._employees)

    @property
    def any_new(self) -> bool:
        """Whether a user can be matched who was not matched before, by what was claimed so far."""
        return bool(self._new())

    @property
    def doubtful(self) -> AbstractSet[ObjectId]:
        """The people who can be a recipient that several people can be, by what was claimed so far."""
        self._new()
        return self._doubtful

    def claim(self, users: Iterable[DirectoryUser], preferences: Preferences, *, elsewhere: bool = False) -> None:
        """Note by which values users can be matched. The same user can be claimed several times.

        Users of other locations, `elsewhere`, count as people who have a value.
        """
        if not self.any:
            return
        self._resolved = None
        employee_id = preferences.attributes.employee_id_of
        for user in users:
            if user.id in self.by_object_id:
                self._present.add(user.id)
                if not elsewhere:
                    self._here.add(user.id)
            if user.only_id:
                continue
            for step, address in _addresses_of(user):
                if (key := address_key(address)) in self._addresses:
                    self._people[step, key].add(user.id)
            if self._employees and (number := employee_id(user)) and (key := comparison_key(number)) in self._employees:
                self._people[_EMPLOYEE, key].add(user.id)

    def find(self, person: ObjectId) -> Recipient | None:
        """Return the recipient of a person without a known one; None without a match, AMBIGUOUS with several.

        A recipient with an object id belongs to an account that was not read. If that is deleted, it is the person's.
        """
        found = self._new().get(person)
        if found is None:
            return AMBIGUOUS if person in self.doubtful else None
        first = min(step for step, _ in found)
        recipients = [recipient for step, recipient in found if step == first]
        return recipients[0] if len(recipients) == 1 else AMBIGUOUS

    def is_unread(self, recipient: Recipient) -> bool:
        """Return whether a recipient was matched with an account that was not read here."""
        account = recipient.object_id
        return account is not None and self.by_object_id.get(account) == recipient and account not in self._here

    def can_be_any(self, recipient: Recipient) -> bool:
        """Return whether a person was claimed who has a value by which this recipient can be matched."""
        return recipient.origin is not Origin.DIRECTORY and bool(self._people_of(recipient)[1])

    def _new(self) -> Mapping[ObjectId, list[tuple[int, Recipient]]]:
        """Return, by person, the recipients that are theirs by a value that no other person has, with the step."""
        if self._resolved is None:
            self._resolved = defaultdict(list)
            self._doubtful = set()
            absent = [found for account, found in self.by_object_id.items() if account not in self._present]
            for recipient in sorted((*self._unmatched, *absent), key=lambda recipient: recipient.id):
                step, people = self._people_of(recipient)
                if len(people) == 1:
                    self._resolved[next(iter(people))].append((step, recipient))
                else:
                    self._doubtful |= people
        return self._resolved

    def _people_of(self, recipient: Recipient) -> tuple[int, set[ObjectId]]:
        """Return who a recipient can be, and the step that decides it.

        A step counts only if one person has the value. If several have it, only they count in the steps after it.
        """
        address, employee = _values(recipient)
        several: set[ObjectId] = set()
        for step in _STEPS:
            people = self._people.get((step, employee if step == _EMPLOYEE else address), set())
            if several:
                people = several & people
            if len(people) == 1:
                return step, people
            several = people or several
        return _EMPLOYEE, several


def _values(recipient: Recipient) -> tuple[str, str]:
    """Return the address and the employee id by which a recipient can be matched, as they are compared; or empty."""
    mail, employee = recipient.profile.mail, recipient.profile.employee_id
    return address_key(mail) if mail and is_address(mail) else "", comparison_key(employee) if employee else ""


def _addresses_of(user: DirectoryUser) -> Iterator[tuple[int, str]]:
    """Yield the addresses of a user, each with its step."""
    if user.mail:
        yield _MAIL, user.mail
    for alias in user.aliases:
        yield _ALIAS, alias
    yield _NAME, user.user_principal_name
    for address in user.other_mails:
        yield _OTHER_MAIL, address
