"""Commands for a tenant's connection and group mapping. Secrets are read from a prompt, stdin or the environment."""

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
    tenant_id: Annotated[str, typer.Option(help="Directory (tenant) ID.")],
    client_id: Annotated[str, typer.Option(help="Application (client) ID.")],
    object_id: Annotated[str, typer.Option(help="Object ID of the enterprise application.")],
    cloud: Annotated[str, typer.Option(help="Microsoft cloud: global, usgov, usgov-dod or china.")] = "global",
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file with a certificate, instead of a secret.", exists=True)
    ] = None,
    federated: Annotated[
        bool,
        typer.Option(
            "--federated",
            help="Use the app's managed identity instead of a secret: only for the operator's own directory.",
        ),
    ] = False,
    stdin: Annotated[bool, typer.Option("--secret-stdin", help="Read the secret from standard input.")] = False,
    as_json: Json = False,
) -> None:
    """Validate credentials, store them and turn the connection on."""
    body: dict[str, Any] = {"tenantId": tenant_id, "clientId": client_id, "objectId": object_id, "cloud": cloud}
    if federated:
        body["federated"] = True
    elif certificate is not None:
        body |= {
            "clientCertificate": certificate.read_text(encoding="utf-8"),
            "clientCertificatePassword": _secret(stdin=stdin, prompt=False),
        }
    else:
        body["clientSecret"] = _secret(stdin=stdin, prompt=True)
    with session(context, as_json=as_json) as s:
        answer = s.api("PUT", "tenants", tenant, "connection", body=body).json
        s.out.checks(answer, answer["report"]["checks"])
        s.out.print(f"The connection of {tenant} is {answer['state']}.")


def _secret(*, stdin: bool, prompt: bool) -> str:
    """Read the secret or a certificate's password from stdin, the environment or a prompt."""
    if stdin:
        return sys.stdin.readline().strip()
    secret = os.environ.get(SECRET)
    if secret is not None or not prompt:
        return secret or ""
    return str(typer.prompt("Client secret", hide_input=True, err=True))


def validate(context: typer.Context, tenant: Tenant, as_json: Json = False) -> None:
    """Check the stored connection."""
    with session(context, as_json=as_json) as s:
        report = s.api("POST", "tenants", tenant, "connection", "validate").json
        s.out.checks(report, report["checks"])
        attention(needed=not report["ok"])


def map_(
    context: typer.Context,
    tenant: Tenant,
    location: Location,
    groups: Annotated[
        list[str] | None, typer.Argument(help="Object IDs of all groups to map. Without any, the mapping is shown.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all groups from the location.")] = False,
    as_json: Json = False,
) -> None:
    """Set or show the groups that are mapped to a location."""
    path = ("tenants", tenant, "locations", location, "groups")
    with session(context, as_json=as_json) as s:
        if groups or clear:
            answer = s.api("PUT", *path, body={"groups": groups or []}).json
        else:
            answer = s.api("GET", *path).json
        rows = [(group["id"], "yes" if group["transitive"] else "no") for group in answer["groups"]]
        s.out.show(answer, *rows, columns=("group", "nested groups"))
