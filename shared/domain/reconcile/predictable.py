"""Recipients that need not be read to be known: they are what a first sync makes of who the person was before.

All others are *irregular*. Their ids are kept for each location, so that a run decides about those who have changed
alone, without reading anybody whom nothing concerns.
"""

from collections.abc import Iterable
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ConnectionId, LocationId
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Recipient
from shared.domain.reconcile.decide import new_recipient
from shared.domain.run import Plan

#: So many irregular recipients of a location are remembered at most: one row holds them.
MAX_IRREGULAR: Final = 10_000


def is_plain(plan: Plan, location: LocationId) -> bool:
    """Tell whether what becomes of a person at a location depends on nobody else: everybody is wanted, by no rule."""
    preferences = plan.preferences
    alone = preferences.rule is None and not preferences.attributes.manager
    return alone and plan.locations[location] == (plan.everyone,)


def regular(connection: ConnectionId, people: Iterable[DirectoryUser], preferences: Preferences) -> list[Recipient]:
    """Return the recipients that a first sync makes of people."""
    profile = preferences.attributes.to_profile
    return [
        new_recipient(connection, user.id, profile(user), ()) for user in people if preferences.exclusion(user) is None
    ]
