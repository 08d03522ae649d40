"""The contents of a vault."""

import msgspec


class Version(msgspec.Struct, kw_only=True, frozen=True):
    """One version of a secret. Times are seconds since 1970, UTC."""

    id: str  #: 32 hexadecimal digits
    value: str
    content_type: str | None
    tags: dict[str, str] | None
    enabled: bool
    not_before: int | None
    expires: int | None
    created: int
    updated: int


class Secret(msgspec.Struct, kw_only=True):
    """A name and its versions, the latest last."""

    name: str  #: spelling of the first request; comparisons ignore case
    versions: list[Version]

    @property
    def latest(self) -> Version:
        """The version that a read without a version returns."""
        return self.versions[-1]


class Deleted(msgspec.Struct, kw_only=True):
    """A secret that can be recovered or purged."""

    secret: Secret
    deleted: int


class Contents(msgspec.Struct, kw_only=True):
    """A whole vault, by lower-case name."""

    secrets: dict[str, Secret] = {}
    deleted: dict[str, Deleted] = {}


class Attributes(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The dates and the enabled flag of a version, as in a request."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None


class Properties(msgspec.Struct, kw_only=True, rename="camel"):
    """Body of an update. Absent fields stay unchanged."""

    content_type: str | None = None
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    tags: dict[str, str] | None = None


class NewValue(Properties, kw_only=True, rename="camel"):
    """Body of a set request."""

    value: str
