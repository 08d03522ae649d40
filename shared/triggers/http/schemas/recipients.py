"""Recipients."""

from collections.abc import Sequence
from typing import Self

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.recipient import Origin, Recipient, Status
from shared.triggers.http.schemas.base import Page, Text, View


class RecipientView(View, frozen=True, kw_only=True):
    """A recipient; what is not known about the person is left out."""

    id: RecipientId
    #: For `If-Match`.
    etag: str
    origin: Origin
    status: Status
    object_id: ObjectId | None
    reason: str | None
    #: The mapped groups that put the person here; of one who has left, those that did so last.
    groups: Sequence[ObjectId]
    display_name: Text = UNSET
    given_name: Text = UNSET
    surname: Text = UNSET
    mail: Text = UNSET
    mobile_phone: Text = UNSET
    business_phone: Text = UNSET
    department: Text = UNSET
    job_title: Text = UNSET
    office_location: Text = UNSET
    employee_id: Text = UNSET
    employee_type: Text = UNSET
    company_name: Text = UNSET
    manager_name: Text = UNSET
    manager_mail: Text = UNSET
    aliases: Sequence[str] | UnsetType = UNSET

    @classmethod
    def of(cls, recipient: Recipient) -> Self:
        """Return a recipient as the API shows it."""
        known = {name: value for name, value in msgspec.structs.asdict(recipient.profile).items() if value}
        return cls(
            id=recipient.id,
            etag=f'"{recipient.tag()}"',
            origin=recipient.origin,
            status=recipient.status,
            object_id=recipient.object_id,
            reason=recipient.reason,
            groups=recipient.groups,
            **known,
        )


class RecipientsView(Page, frozen=True, kw_only=True):
    """Recipients of a location."""

    recipients: Sequence[RecipientView]
