"""Managers: adds the name and address of a user's manager to the profile, if the preferences ask for it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId
from shared.domain.preferences.filters import address_of
from shared.domain.recipient import Profile


class Managers(msgspec.Struct, frozen=True, kw_only=True):
    """The users of the directory with the ids of their managers."""

    #: At least the users whose managers are requested; None if the directory could not be read in this run.
    directory: Mapping[ObjectId, DirectoryUser] | None
    #: At least the managers of these users; defaults to `directory`.
    managers: Mapping[ObjectId, DirectoryUser] | None = None
    #: Whether a manager who is not in `managers` is absent from the directory.
    conclusive: bool = True

    def named(self, directory_profile: Profile, person: ObjectId, before: Profile | None) -> Profile:
        """Return the directory's profile of a person with the name and address of their manager.

        If the directory could not be read, or was read inconclusively and lacks the manager, the values of `before` are
        kept.
        """
        if self.directory is None:
            return _as_before(directory_profile, before)
        user = self.directory.get(person)
        if user is None or user.manager is None:
            return directory_profile
        managers = self.directory if self.managers is None else self.managers
        manager = managers.get(user.manager)
        if manager is None:
            return directory_profile if self.conclusive else _as_before(directory_profile, before)
        return msgspec.structs.replace(
            directory_profile, manager_name=manager.display_name, manager_mail=address_of(manager)
        )


def _as_before(profile: Profile, before: Profile | None) -> Profile:
    if before is None:
        return profile
    return msgspec.structs.replace(profile, manager_name=before.manager_name, manager_mail=before.manager_mail)


#: For preferences that do not ask for managers.
NO_MANAGERS: Final = Managers(directory={})
