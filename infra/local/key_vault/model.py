"""What a vault holds."""

import msgspec


class Version(msgspec.Struct, kw_only=True, frozen=True):
    """One value that a secret has had. Times are seconds since 1970, UTC."""

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
    """A name and the values it has had; the last is the latest."""

    name: str  #: as written at first; compared without regard to case
    versions: list[Version]

    @property
    def latest(self) -> Version:
        """What a read without a version gets."""
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
    """The dates and the switch of a version, as a request gives them."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None


class Properties(msgspec.Struct, kw_only=True, rename="camel"):
    """The body of an update: what is absent stays."""

    content_type: str | None = None
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    tags: dict[str, str] | None = None


class NewValue(Properties, kw_only=True, rename="camel"):
    """The body of a set."""

    value: str
