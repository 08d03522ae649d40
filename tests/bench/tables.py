"""Shared parts of the Table Storage benchmarks: the lean service in another process, and typical rows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.ids import MAIN, ObjectId, recipient_id_of
from shared.domain.recipient import Origin, Profile, Recipient, Status
from shared.settings import Settings
from tests.bench.entra import FOLDER
from tests.support.samples import settings
from tests.support.table_service.server import connection_string, running_tables


@contextmanager
def service(*options: str) -> Iterator[tuple[str, Settings]]:
    """Yield the connection string of a new Table service, and settings for it."""
    with running_tables(FOLDER / f"tables-{os.getpid()}.log", *options) as url:
        connection = connection_string(url)
        yield connection, settings(connection)


def recipients(count: int) -> list[Recipient]:
    """Return recipients as a directory produces them."""
    return [_recipient(number) for number in range(count)]


def _recipient(number: int) -> Recipient:
    person = ObjectId(f"{number:08x}-1b2c-4d5e-8f90-a1b2c3d4e5f6")
    profile = Profile(
        display_name=f"Given Surname {number}",
        given_name="Given",
        surname=f"Surname {number}",
        mail=f"given.surname.{number}@contoso.example",
        business_phone=f"+49 30 {number:07d}",
        department="Engineering",
        job_title="Engineer",
        office_location=f"B {number % 40}",
        employee_id=f"{number:06d}",
        company_name="Contoso",
    )
    return Recipient(
        id=recipient_id_of(MAIN, person),
        origin=Origin.DIRECTORY,
        status=Status.ACTIVE,
        profile=profile,
        object_id=person,
        connection=MAIN,
        last_applied=profile,
    )
