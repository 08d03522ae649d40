"""Commands for a tenant's connection and group mapping. Secrets are read from a prompt, stdin or the environment."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from shared.cli.client import Failure
from shared.cli.session import Json, Location, Session, Tenant, attention, session

SECRET: Final = "RECIPIENT_SYNC_SECRET"  # noqa: S105 - the name of a variable
#: Wait before a new credential is sent again, in seconds; it doubles for each further attempt.
FIRST_WAIT_S: Final = 30.0


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
    wait: Annotated[
        bool, typer.Option("--wait", help="Try for some minutes if the directory does not know a new secret yet.")
    ] = False,
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
        answer = _put(s, tenant, body, wait=wait)
        s.out.checks(answer, answer["report"]["checks"])
        s.out.print(f"The connection of {tenant} is {answer['state']}.")


def _put(s: Session, tenant: str, body: object, *, wait: bool) -> Any:  # noqa: ANN401 - JSON of the route
    """Store credentials and return the connection. With `wait`, try again if the refusal can pass. Raises Failure."""
    wait_s = waited_s = 0.0
    while True:
        try:
            return s.api("PUT", "tenants", tenant, "connection", body=body).json
        except Failure as failure:
            wait_s = 2 * wait_s or FIRST_WAIT_S
            waited_s += wait_s
            if not wait or waited_s > _retry_for_s(failure):
                raise
        s.out.print(f"The directory does not know the credential yet. It is tried again in {wait_s:.0f} s.")
        time.sleep(wait_s)


def _retry_for_s(failure: Failure) -> float:
    """Return for how long the same credentials may be sent again, in seconds; 0 if the refusal is final."""
    report = failure.problem.get("report") or {"checks": ()}
    failed = [check for check in report["checks"] if check["status"] == "fail"]
    return float(failed[0].get("retryForSeconds", 0)) if len(failed) == 1 else 0.0


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
