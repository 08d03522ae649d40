"""Recipients."""

from collections.abc import Sequence
from typing import Annotated, Self, cast

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.imports.csv_file import MAX_TEXT
from shared.domain.recipient import PERSON_FIELDS, Origin, Profile, Recipient, Status
from shared.errors import Rejected
from shared.triggers.http.schemas.base import Page, Text


class RecipientView(Profile, frozen=True, kw_only=True):
    """A recipient with the fields of its profile; what is not known about the person is left out."""

    id: RecipientId
    #: For `If-Match`.
    etag: str
    origin: Origin
    status: Status
    object_id: ObjectId | None
    reason: str | None
    #: The mapped groups that put the person here; of one who has left, those that did so last.
    groups: Sequence[ObjectId]

    @classmethod
    def of(cls, recipient: Recipient) -> Self:
        """Return a recipient as the API shows it."""
        return cls(
            id=recipient.id,
            etag=f'"{recipient.tag()}"',
            origin=recipient.origin,
            status=recipient.status,
            object_id=recipient.object_id,
            reason=recipient.reason,
            groups=recipient.groups,
            **msgspec.structs.asdict(recipient.profile),
        )


class RecipientsView(Page, frozen=True, kw_only=True):
    """Recipients of a location."""

    recipients: Sequence[RecipientView]


class RecipientBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What changes a recipient: fields, of which those left out stay, and whether parcels can be addressed to them."""

    active: bool | UnsetType = UNSET

    def fields(self) -> dict[str, str | None]:
        """Return the profile fields that are named. Raises: Rejected."""
        found: dict[str, str | None] = {}
        for name in PERSON_FIELDS:
            value = getattr(self, name)
            if value is UNSET:
                continue
            text = " ".join(value.split()) if value else ""
            if len(text) > MAX_TEXT or not text.isprintable():
                raise Rejected(
                    f"{name} has more than {MAX_TEXT} characters, or some not printable.", code="invalid_value"
                )
            found[name] = text or None
        return found


#: The body with every text field of the profile, each of which may be left out.
FULL_BODY = cast(
    "type[RecipientBody]",
    msgspec.defstruct(
        "RecipientBody",
        [(name, Annotated[Text, msgspec.Meta(title=field.label)], UNSET) for name, field in PERSON_FIELDS.items()],
        bases=(RecipientBody,),
        namespace={"__doc__": RecipientBody.__doc__},
    ),
)
