"""Random histories through the real storage code, against the rules as `model` says them.

`HISTORIES` in the environment asks for more of them; each is named by its seed, which repeats it.
"""

import dataclasses
import io
import os
import random
from collections import Counter

import pytest

from shared.adapters.stores import (
    TableConnectionStore,
    TableLimitStore,
    TableOperatorLog,
    TableRecipientStore,
    TableRunStore,
    TableSettingsStore,
    TableSnapshotStore,
    TableSyncStateStore,
    TableTenantStore,
)
from shared.domain.directory import DirectoryUser, InactiveReason, Source
from shared.domain.ids import MAIN, LocationId, ObjectId, TenantId, recipient_id_of
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.location_rule import LocationRule, LocationRuleEntry
from shared.domain.preferences.preferences import GuardLimits, Mode, Preferences
from shared.domain.recipient import Origin, Status
from shared.domain.run import RunMode, RunState
from shared.domain.snapshots import partitions
from shared.errors import NeedsAttention
from shared.workflows.snapshots import draft
from shared.workflows.sync import comparison
from tests.simulation.model import PLACES, Kept, Model, Person, Rules
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory, fake_ports
from tests.support.fakes.table_service import MemoryTables
from tests.support.world import Fuse, World, drain_with_retries

TENANT = TenantId("contoso")
LOCATIONS = [LocationId(name) for name in ("berlin", "munich", "paris")]
GROUPS = [ObjectId(f"00000000-0000-4000-a000-{number:012d}") for number in range(4)]
NUMBERS = range(14)
DEPARTMENTS = [None, "IT", "HR"]
#: Only losing everybody is held: the numbers of the other limits are for tests of their own.
LENIENT = GuardLimits(max_share=1, max_people=1_000_000, small_max_share=1)
RULE = LocationRule(
    attribute=Attribute("department"),
    entries=tuple(LocationRuleEntry(value=value, location=LocationId(location)) for value, location in PLACES.items()),
)
STATUS = {Status.ACTIVE: "active", Status.DEACTIVATED_BY_SYNC: "by sync", Status.DEACTIVATED_MANUALLY: "by hand"}
SEEDS = range(int(os.environ.get("HISTORIES", "40")))
#: 40 histories of 250 steps are the 10,000 that CI takes.
STEPS = 250


class History:
    """One tenant in the product and in the model, changed step by step in both."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        tables = MemoryTables()
        ports = dataclasses.replace(
            fake_ports(),
            tenants=TableTenantStore(tables),
            connections=TableConnectionStore(tables),
            settings=TableSettingsStore(tables),
            sync_states=TableSyncStateStore(tables),
            runs=TableRunStore(tables),
            snapshots=TableSnapshotStore(tables),
            recipients=TableRecipientStore(tables),
            operator_log=TableOperatorLog(tables),
            limits=TableLimitStore(tables),
        )
        self.world = World(ports)
        self.model = Model()
        self.directory: FakeDirectory
        self.steps: Counter[str] = Counter()

    async def begin(self) -> None:
        """Leave a tenant with three locations, four groups and some people."""
        self.directory = await self.world.tenant(TENANT, [], self._preferences(), {name: [] for name in LOCATIONS})
        self.directory.members = {group: [] for group in GROUPS}
        self.model.groups = {group: set() for group in GROUPS}
        self.model.mapping = {location: set() for location in LOCATIONS}
        self.model.kept = {location: {} for location in LOCATIONS}
        for number in list(NUMBERS)[:8]:
            self._put(number)

    def _preferences(self) -> Preferences:
        rules = self.model.rules
        return Preferences(
            mode=Mode.FULL if rules.full else Mode.GROUPS,
            allow_directory_to_update_csv=rules.directory_to_csv,
            allow_csv_to_update_directory=rules.csv_to_directory,
            deactivate_missing=rules.deactivate,
            include_guests=rules.guests,
            guard=LENIENT,
            location_rule=RULE if rules.by_department else None,
        )

    async def step(self) -> None:
        """Do one of the things that can happen."""
        kinds = {
            self.edit_directory: 8,
            self.move: 6,
            self.sync: 5,
            self.sync_with_failure: 2,
            self.sync_with_crash: 2,
            self.map: 2,
            self.prefer: 1,
            self.import_file: 2,
            self.edit_by_hand: 2,
            self.decide: 2,
        }
        (kind,) = self.random.choices(list(kinds), weights=list(kinds.values()))
        self.steps[kind.__name__] += 1
        self.world.clock.advance(self.random.choice([1, 60, 3_600]))
        await kind()

    def _put(self, number: int) -> None:
        own, shared = f"p{number}@example.com", f"shared{self.random.randrange(3)}@example.com"
        mail = self.random.choice([own, own, own.upper(), shared])
        fields = {
            "mail": mail,
            "department": self.random.choice(DEPARTMENTS),
            "inactive": None if self.random.random() > 0.15 else InactiveReason.SUSPENDED,
            "guest": self.random.random() < 0.15,
        }
        found: DirectoryUser = user(number, **fields)
        self.directory.put(found)
        self.model.people[found.id] = Person(found.id, mail, found.department, enabled=found.active, guest=found.guest)

    async def edit_directory(self) -> None:
        """Let somebody join, change, or be deleted."""
        number = self.random.choice(NUMBERS)
        if person(number) in self.model.people and self.random.random() < 0.4:
            self.directory.remove(person(number))
            del self.model.people[person(number)]
            for members in self.model.groups.values():
                members.discard(person(number))
        else:
            self._put(number)

    async def move(self) -> None:
        """Let somebody join a group, or leave it."""
        if not self.model.people:
            return
        group, who = self.random.choice(GROUPS), self.random.choice(sorted(self.model.people))
        members = self.directory.members[group]
        if who in members:
            members.remove(ObjectId(who))
            self.model.groups[group].discard(who)
        else:
            members.append(ObjectId(who))
            self.model.groups[group].add(who)

    async def map(self) -> None:
        """Change which groups feed a location."""
        location = self.random.choice(LOCATIONS)
        groups = self.random.sample(GROUPS, self.random.randrange(len(GROUPS)))
        await self.world.app.locations.put_mapping(TENANT, location, [GroupMapping(id=group) for group in groups])
        self.model.mapping[location] = set(groups)
        await self._settle()

    async def prefer(self) -> None:
        """Change the preferences."""
        flip = self.random.choice([field.name for field in dataclasses.fields(Rules)])
        setattr(self.model.rules, flip, not getattr(self.model.rules, flip))
        await self.world.app.preferences.put(TENANT, self._preferences())
        await self._settle()

    async def _settle(self) -> None:
        """Nothing is held any more once the configuration has changed."""
        self.model.held = {}
        assert not self.world.queue.messages

    async def sync(self) -> None:
        """Sync, and compare."""
        await self._sync(frozenset())

    async def sync_with_failure(self) -> None:
        """Sync while something cannot be read."""
        sources = ["users"] if self.model.rules.full else [*GROUPS, *["users"] * self.model.rules.by_department]
        unread = frozenset(self.random.sample(sources, self.random.randint(1, len(sources))))
        for source in unread:
            page = self.random.choice([0, 1])
            name = Source(group=None if source == "users" else ObjectId(source)).id
            size = len(self.model.people) if source == "users" else len(self.model.groups[source])
            last = max(0, (size - 1) // self.directory.page_size)
            self.directory.broken[name] = (
                min(page, last),
                NeedsAttention("not allowed", code="Authorization_RequestDenied"),
            )
        await self._sync(unread, RunMode.FULL)
        self.directory.broken.clear()

    async def sync_with_crash(self) -> None:
        """Sync with a worker that dies somewhere, and is replaced."""
        fuse = Fuse(self.random.randrange(120), after=self.random.random() < 0.5)
        await self._sync(frozenset(), fuse=fuse)

    async def _sync(
        self, unread: frozenset[str], mode: RunMode = RunMode.INCREMENTAL, fuse: Fuse | None = None
    ) -> None:
        expected = self.model.sync(unread)
        await self.world.request(TENANT, f"request-{sum(self.steps.values())}", mode)
        if fuse is None:
            await self.world.drain(order=self.random)
        else:
            await drain_with_retries(self.world, self.world.fragile(fuse))
        run = await self.world.newest(TENANT)
        assert run.state.value == expected
        await self.compare()

    async def decide(self) -> None:
        """Approve what the last run holds, or drop it."""
        run = next(iter([run async for run in self.world.ports.runs.list_runs(TENANT)]), None)
        if run is None or run.state is not RunState.HELD or not self.model.held:
            return
        if self.random.random() < 0.3:
            await self.world.app.review_held.reject(TENANT, run.id, "somebody")
            self.model.held = {}
        else:
            await self.world.app.review_held.approve(TENANT, run.id, run.held_digest or "", "somebody")
            await self.world.drain()
            self.model.approve()
        await self.compare()

    async def import_file(self) -> None:
        """Merge a file of some addresses into a location."""
        location = self.random.choice(LOCATIONS)
        mails = [f"p{number}@example.com" for number in NUMBERS] + [
            f"shared{number}@example.com" for number in range(3)
        ]
        rows = {mail: self.random.choice(DEPARTMENTS) for mail in self.random.sample(mails, 3)}
        text = "mail,department\n" + "".join(f"{mail},{department or ''}\n" for mail, department in rows.items())
        await self.world.app.import_csv(TENANT, location, io.BytesIO(text.encode()), ImportMode.MERGE, "", "somebody")
        self.model.import_rows(location, rows)
        await self.compare()

    async def edit_by_hand(self) -> None:
        """Deactivate or reactivate somebody by hand."""
        location = self.random.choice(LOCATIONS)
        kept = self.model.kept[location]
        known = [key for key, recipient in kept.items() if recipient.origin == "directory"]
        if not known:
            return
        key, active = self.random.choice(sorted(known)), self.random.random() < 0.5
        recipient = recipient_id_of(MAIN, ObjectId(key))
        await self.world.app.edit_recipient(TENANT, location, recipient, {}, active=active, by="somebody")
        kept[key] = dataclasses.replace(kept[key], status="active" if active else "by hand")
        await self.compare()

    async def compare(self) -> None:
        """Hold if product and model have the same recipients everywhere."""
        for location in LOCATIONS:
            found: Counter[tuple[str, str, str | None, str | None, str | None, tuple[str, ...]]] = Counter(
                (
                    recipient.origin.value,
                    STATUS[recipient.status],
                    recipient.profile.mail,
                    recipient.profile.department,
                    recipient.object_id,
                    recipient.groups,
                )
                for recipient in await self.world.recipients(TENANT, location)
            )
            wanted = Counter(
                (
                    recipient.origin,
                    recipient.status,
                    recipient.mail,
                    recipient.department,
                    recipient.person,
                    tuple(sorted(recipient.via)),
                )
                for recipient in self.model.kept[location].values()
            )
            assert found == wanted, f"{location}: too many {found - wanted}, too few {wanted - found}"


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_random_history(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens, in whatever order: recipients are those that the rules name, and runs end as they say.

    In every second history any change is small enough for a run to decide about the changed alone, whose recipients
    are read one by one in half of them. Partitions have one person, four, or all of them.
    """
    monkeypatch.setattr(draft, "MAX_CHANGED", 100 if seed % 2 else -1)
    monkeypatch.setattr(comparison, "_FEW", 100 if seed % 4 == 1 else -1)
    monkeypatch.setattr(partitions, "PARTITION_PEOPLE", [1, 4, 256][seed % 3])
    history = History(seed)
    await history.begin()
    for number in range(STEPS):
        try:
            await history.step()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {number}: {error}") from error
    assert history.steps["sync"] > 0
    assert all(isinstance(each, Kept) for kept in history.model.kept.values() for each in kept.values())
    origins = {
        recipient.origin for location in LOCATIONS for recipient in await history.world.recipients(TENANT, location)
    }
    assert origins <= {Origin.DIRECTORY, Origin.CSV}
