"""Recipients."""

from collections.abc import Sequence
from typing import Annotated, Self, cast

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.email_address import clean_address, is_address
from shared.domain.ids import ConnectionId, ObjectId, RecipientId
from shared.domain.imports.cells import MAX_TEXT
from shared.domain.recipient import ADDRESS_FIELDS, PERSON_FIELDS, PHONE_FIELDS, Origin, Profile, Recipient, Status
from shared.domain.text import has_control_characters, without_invisible
from shared.errors import Rejected
from shared.triggers.http.schemas.base import Page, Text


class RecipientView(Profile, frozen=True, kw_only=True):
    """A recipient with the fields of its profile; unknown values are omitted."""

    id: RecipientId
    #: For `If-Match`.
    etag: str
    origin: Origin
    status: Status
    object_id: ObjectId | None
    #: The connection that the directory user belongs to.
    connection: ConnectionId | None
    reason: str | None
    #: The mapped groups that make the person a recipient; after deactivation, the last ones that did.
    groups: Sequence[ObjectId]

    @classmethod
    def of(cls, recipient: Recipient) -> Self:
        """Create the view of a recipient."""
        return cls(
            id=recipient.id,
            etag=f'"{recipient.tag()}"',
            origin=recipient.origin,
            status=recipient.status,
            object_id=recipient.object_id,
            connection=recipient.connection,
            reason=recipient.reason,
            groups=recipient.groups,
            **msgspec.structs.asdict(recipient.profile),
        )


class RecipientsView(Page, frozen=True, kw_only=True):
    """Recipients of a location."""

    recipients: Sequence[RecipientView]
    #: Whether the list ends here; otherwise `cursor` leads on, also from a page without recipients.
    complete: bool
    #: Number of recipients that were looked at for this page.
    searched: int


class RecipientBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Changes a recipient: the fields to change, and whether the recipient is active."""

    active: bool | UnsetType = UNSET

    def fields(self) -> dict[str, str | None]:
        """Return the profile fields to change. Raises Rejected if a value is too long or not printable."""
        changed: dict[str, str | None] = {}
        for name, field in PERSON_FIELDS.items():
            value = getattr(self, name)
            if value is UNSET:
                continue
            text = " ".join(value.split()) if value else ""
            if name in PHONE_FIELDS:
                text = without_invisible(text).strip()
            if text and name in ADDRESS_FIELDS:
                text = clean_address(text)
                if not is_address(text):
                    raise Rejected(
                        f"Invalid value for {field.label!r}: enter one e-mail address.", code="invalid_value"
                    )
            if len(text) > MAX_TEXT or has_control_characters(text):
                raise Rejected(
                    f"Invalid value for {field.label!r}: use at most {MAX_TEXT} characters and no control characters.",
                    code="invalid_value",
                )
            changed[name] = text or None
        return changed


#: The body with all text fields of the profile, all of them optional.
FULL_BODY = cast(
    "type[RecipientBody]",
    msgspec.defstruct(
        "RecipientBody",
        [(name, Annotated[Text, msgspec.Meta(title=field.label)], UNSET) for name, field in PERSON_FIELDS.items()],
        bases=(RecipientBody,),
        namespace={"__doc__": RecipientBody.__doc__},
    ),
)
