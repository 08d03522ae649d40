"""The HTTP API, a blueprint per noun. Each route decodes its input, calls one workflow, and encodes what it says."""

from shared.triggers.http import (
    connection,
    doctor,
    health,
    imports,
    ledger,
    locations,
    overview,
    portal,
    recipients,
    runs,
    tenants,
    users,
)
from shared.triggers.http.framework import openapi, routing

BLUEPRINTS = (
    connection.bp,
    doctor.bp,
    health.bp,
    imports.bp,
    ledger.bp,
    locations.bp,
    openapi.bp,
    overview.bp,
    portal.bp,
    recipients.bp,
    routing.bp,
    runs.bp,
    tenants.bp,
    users.bp,
)
