"""Commands about a tenant's connection and its mapping. Secrets come from a prompt, stdin or the environment."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from shared.cli.session import Json, Location, Tenant, attention, session

SECRET: Final = "RECIPIENT_SYNC_SECRET"  # noqa: S105 - the name of a variable


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(connect)
    app.command()(validate)
    app.command("map")(map_)


def connect(
    context: typer.Context,
    tenant: Tenant,
    tenant_id: Annotated[str, typer.Option(help="Azure tenant id.")],
    client_id: Annotated[str, typer.Option(help="Application (client) id.")],
    object_id: Annotated[str, typer.Option(help="Object id of the enterprise application.")],
    cloud: Annotated[str, typer.Option(help="global, usgov, usgov-dod or china.")] = "global",
    certificate: Annotated[Path | None, typer.Option(help="A PEM file, instead of a secret.", exists=True)] = None,
    federated: Annotated[
        bool, typer.Option("--federated", help="The app's own identity, instead of a secret.")
    ] = False,
    stdin: Annotated[bool, typer.Option("--secret-stdin", help="Read the secret from standard input.")] = False,
    as_json: Json = False,
) -> None:
    """Validate credentials, store them and switch the connection on."""
    body: dict[str, Any] = {"tenantId": tenant_id, "clientId": client_id, "objectId": object_id, "cloud": cloud}
    if federated:
        body["federated"] = True
    elif certificate is not None:
        body |= {
            "clientCertificate": certificate.read_text(encoding="utf-8"),
            "clientCertificatePassword": _secret(stdin=stdin, asked=False),
        }
    else:
        body["clientSecret"] = _secret(stdin=stdin, asked=True)
    with session(context, as_json=as_json) as s:
        answer = s.api("PUT", "tenants", tenant, "connection", body=body).json
        s.out.checks(answer, answer["report"]["checks"])
        s.out.say(f"The connection of {tenant} is {answer['state']}.")


def _secret(*, stdin: bool, asked: bool) -> str:
    """Return the secret, or a certificate's password, from wherever it comes; never from the command line."""
    if stdin:
        return sys.stdin.readline().strip()
    known = os.environ.get(SECRET)
    if known is not None or not asked:
        return known or ""
    return str(typer.prompt("Client secret", hide_input=True, err=True))


def validate(context: typer.Context, tenant: Tenant, as_json: Json = False) -> None:
    """Check the connection that is stored."""
    with session(context, as_json=as_json) as s:
        report = s.api("POST", "tenants", tenant, "connection", "validate").json
        s.out.checks(report, report["checks"])
        attention(needed=not report["ok"])


def map_(
    context: typer.Context,
    tenant: Tenant,
    location: Location,
    groups: Annotated[
        list[str] | None, typer.Argument(help="Ids of all groups to map; none shows the mapping.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Map no group.")] = False,
    as_json: Json = False,
) -> None:
    """Map exactly these groups to a location, or show which are."""
    path = ("tenants", tenant, "locations", location, "groups")
    with session(context, as_json=as_json) as s:
        if groups or clear:
            answer = s.api("PUT", *path, body={"groups": groups or []}).json
        else:
            answer = s.api("GET", *path).json
        s.out.show(
            answer, *((each["id"], each["transitive"]) for each in answer["groups"]), columns=("group", "with nested")
        )
