"""The person to erase: everything by which stored values name this person."""

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import cached_property
from typing import Final
from unicodedata import normalize

import msgspec

from shared.domain.access.sso_users import ProductUser
from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, RecipientId
from shared.domain.imports.encodings import CODE_PAGES
from shared.domain.recipient import Profile, Recipient

#: What stands where a value was.
ERASED: Final = "erased"
#: Minimum length of a text that is looked for inside other texts, in bytes: shorter ones occur in other words.
_MIN_BYTES: Final = 5
#: What is not before and behind an id or an address, and a name: it would be a part of a longer one.
_AROUND_IDS: Final = (r"(?<![\w@+-])(?<!\w\.)", r"(?![\w@+-]|\.\w)")
_AROUND_NAMES: Final = (r"(?<!\w)", r"(?!\w)")
#: Words of texts.
_WORDS: Final = re.compile(r"\w+")
#: Encodings of files, beside UTF-8.
_ENCODINGS: Final = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", *CODE_PAGES)


class Identifier(StrEnum):
    """How a person is identified in a request."""

    RECIPIENT = "recipient"
    OBJECT_ID = "objectId"
    MAIL = "mail"


class Person(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A person, as far as the stored values that were looked at name them. Addresses are case-folded."""

    #: The address by which the request names the person: all who have it are meant.
    mail: str | None = None
    recipients: frozenset[RecipientId] = frozenset()
    object_ids: frozenset[ObjectId] = frozenset()
    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, identifier: Identifier, text: str) -> "Person":
        """Return a person with the id or the address of a request, and nothing else."""
        match identifier:
            case Identifier.RECIPIENT:
                return cls(recipients=frozenset({RecipientId(text)}))
            case Identifier.OBJECT_ID:
                return cls(object_ids=frozenset({ObjectId(text)}))
            case Identifier.MAIL:
                mail = text.strip().casefold()
                return cls(mail=mail, addresses=frozenset({mail}))

    def is_known_as(self, other: "Person") -> bool:
        """Return whether this person has all ids and addresses of the other one."""
        return (
            other.recipients <= self.recipients
            and other.object_ids <= self.object_ids
            and other.addresses <= self.addresses
        )

    def includes(self, recipient: RecipientId | None, object_id: ObjectId | None) -> bool:
        """Return whether one of the ids is this person's."""
        return recipient in self.recipients or object_id in self.object_ids

    def has_address(self, address: str | None) -> bool:
        """Return whether an address is this person's."""
        return address is not None and address.strip().casefold() in self.addresses

    def is_recipient(self, recipient: Recipient) -> bool:
        """Return whether a recipient is this person: by an id, or by the address if it has no directory user."""
        if self.includes(recipient.id, recipient.object_id):
            return True
        return recipient.object_id is None and self.has_address(recipient.profile.mail)

    def manages(self, profile: Profile) -> bool:
        """Return whether a profile names this person as the manager."""
        if profile.manager_mail is not None:
            return self.has_address(profile.manager_mail)
        return profile.manager_name is not None and profile.manager_name in self.names

    def with_recipient(self, recipient: Recipient) -> "Person":
        """Return the person with what a recipient adds. A recipient of another person adds nothing."""
        if not self.is_recipient(recipient) and not self._is_meant(recipient.profile.mail):
            return self
        profiles = [profile for profile in (recipient.profile, recipient.last_applied) if profile is not None]
        object_ids = () if recipient.object_id is None else (recipient.object_id,)
        addresses = [address for profile in profiles for address in (profile.mail, *profile.aliases)]
        return self._with((recipient.id,), object_ids, addresses, [profile.display_name for profile in profiles])

    def with_directory_user(self, user: DirectoryUser) -> "Person":
        """Return the person with what a user of a snapshot adds. A user who is another person adds nothing."""
        if not self._is_user(user.id, user.mail, user.user_principal_name):
            return self
        addresses = (user.mail, user.user_principal_name, *user.aliases, *user.other_mails)
        return self._with((), (user.id,), addresses, (user.display_name,))

    def with_product_user(self, user: ProductUser) -> "Person":
        """Return the person with what a product user adds."""
        if not self._is_user(user.object_id, user.mail):
            return self
        return self._with((), (user.object_id,), (user.mail,), (user.display_name,))

    def _is_user(self, object_id: ObjectId, *addresses: str | None) -> bool:
        return object_id in self.object_ids or any(map(self._is_meant, addresses))

    def _is_meant(self, address: str | None) -> bool:
        return self.mail is not None and address is not None and address.strip().casefold() == self.mail

    def _with(
        self,
        recipients: Collection[RecipientId],
        object_ids: Collection[ObjectId],
        addresses: Iterable[str | None],
        names: Iterable[str | None],
    ) -> "Person":
        return Person(
            mail=self.mail,
            recipients=self.recipients.union(recipients),
            object_ids=self.object_ids.union(object_ids),
            addresses=self.addresses.union(address.strip().casefold() for address in addresses if address),
            names=self.names.union(name for name in names if name),
        )

    @cached_property
    def _ids(self) -> re.Pattern[str] | None:
        return _pattern({*self.recipients, *self.object_ids, *self.addresses}, _AROUND_IDS)

    @cached_property
    def _names(self) -> re.Pattern[str] | None:
        return _pattern(self.names, _AROUND_NAMES)

    def without_ids(self, text: str) -> str:
        """Return a text with a mark in place of each id and address of this person."""
        return text if self._ids is None else self._ids.sub(ERASED, text)

    def without_names(self, text: str) -> str:
        """Return a text with a mark in place of each id, address and name of this person."""
        text = self.without_ids(text)
        return text if self._names is None else self._names.sub(ERASED, text)

    @cached_property
    def _own_words(self) -> frozenset[str]:
        texts = (*self.names, *(address.partition("@")[0] for address in self.addresses))
        return frozenset(word for text in texts for word in _words(text))

    def may_be_in(self, text: str) -> bool:
        """Return whether a text has an id or an address, or only a word of a name or an address, of this person."""
        return self.without_names(text) != text or not self._own_words.isdisjoint(_words(text))

    @cached_property
    def _stored(self) -> frozenset[bytes]:
        return self._encoded("utf-8")

    @cached_property
    def _in_files(self) -> frozenset[bytes]:
        return self._stored.union(*map(self._encoded, _ENCODINGS))

    def _encoded(self, encoding: str) -> frozenset[bytes]:
        texts = (*self.recipients, *self.object_ids, *self.addresses, *self.names)
        spellings = {spelling for text in texts for spelling in _spellings(text)}
        return frozenset(encoded for spelling in spellings if _is_long(encoded := _bytes(spelling, encoding)))

    def is_in(self, content: bytes) -> bool:
        """Return whether the bytes of a stored value, whose texts are UTF-8, name this person."""
        return _has(content, self._stored)

    def is_in_file(self, content: bytes) -> bool:
        """Return whether a part of a file names this person, in one of the encodings that an import reads."""
        return _has(content, self._in_files)


def _has(content: bytes, spellings: Collection[bytes]) -> bool:
    lowered = content.lower()
    return any(spelling in lowered for spelling in spellings)


def _spellings(text: str) -> frozenset[str]:
    """Return how a text is written: in the usual cases, and with accents as characters of their own."""
    cases = (text, text.casefold(), text.lower(), text.upper(), text.title())
    return frozenset(normalize(form, spelling) for spelling in cases for form in ("NFC", "NFD"))


def _bytes(text: str, encoding: str) -> bytes:
    """Return an encoded text, with ASCII letters in lower case; empty if the encoding does not have its characters."""
    try:
        return text.encode(encoding).lower()
    except UnicodeEncodeError:
        return b""


def _is_long(encoded: bytes) -> bool:
    return len(encoded) >= _MIN_BYTES


def _pattern(texts: Collection[str], around: tuple[str, str]) -> re.Pattern[str] | None:
    found = sorted((re.escape(text) for text in texts if _is_long(_bytes(text, "utf-8"))), key=len, reverse=True)
    return re.compile(f"{around[0]}(?:{'|'.join(found)}){around[1]}", re.IGNORECASE) if found else None


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORDS.findall(text) if _is_long(_bytes(word, "utf-8")))
