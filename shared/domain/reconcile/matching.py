"""Matching of directory users with recipients of other origins, by object id or e-mail address."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.email_address import is_address
from shared.domain.ids import MAIN, ConnectionId, ObjectId, RecipientId
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import (
    Origin,
    Profile,
    Recipient,
    Status,
)
from shared.domain.text import address_key

#: Sentinel for an ambiguous match by e-mail address.
AMBIGUOUS = Recipient(
    id=RecipientId("ambiguous"), origin=Origin.MANUAL, status=Status.DEACTIVATED_MANUALLY, profile=Profile()
)


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """Matches directory users with recipients that the directory did not create."""

    #: Recipients that were matched before.
    by_object_id: dict[ObjectId, Recipient]
    #: Recipients that were not, by e-mail address in folded case.
    by_mail: Mapping[str, Sequence[Recipient]]
    #: Number of directory users by address, for the addresses in `by_mail`.
    claims: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def any(self) -> bool:
        """Whether any user can be matched."""
        return bool(self.by_object_id or self.by_mail)

    @classmethod
    def of(cls, stored: Iterable[Recipient], connection: ConnectionId = MAIN) -> "Matching":
        """Create the matching. Of two recipients with the same object id, the one with the smaller id is used.

        A recipient that was matched with a user of another connection is not matched again. An invalid address, which
        a directory may have, is not used.
        """
        by_object_id: dict[ObjectId, Recipient] = {}
        by_mail: dict[str, list[Recipient]] = defaultdict(list)
        for recipient in sorted(stored, key=lambda recipient: recipient.id):
            if recipient.origin is Origin.DIRECTORY:
                continue
            if recipient.object_id is not None:
                if recipient.connection == connection:
                    by_object_id.setdefault(recipient.object_id, recipient)
            elif recipient.profile.mail and is_address(recipient.profile.mail):
                by_mail[address_key(recipient.profile.mail)].append(recipient)
        return cls(by_object_id=by_object_id, by_mail=by_mail)

    def claim(self, desired: Iterable[DirectoryUser], preferences: Preferences) -> None:
        """Count the addresses of users that should be recipients. Call it for all parts before the first decision."""
        if not self.by_mail:
            return
        for user in desired:
            mail = preferences.attributes.to_profile(user).mail if preferences.exclusion(user) is None else None
            if mail and (key := address_key(mail)) in self.by_mail:
                self.claims[key] += 1

    def by_mail_of(self, profile: Profile) -> Recipient | None:
        """Return the only recipient that matches by e-mail address; None without a match, AMBIGUOUS with several."""
        if not self.by_mail:
            return None
        mail = address_key(profile.mail) if profile.mail else ""
        matches = self.by_mail.get(mail, ())
        if not matches:
            return None
        return matches[0] if len(matches) == 1 and self.claims[mail] == 1 else AMBIGUOUS
