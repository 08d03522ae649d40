"""Commands for named keys: create, list and revoke them."""

from typing import Annotated

import typer

from shared.cli.client import Failure
from shared.cli.exits import Exit
from shared.cli.session import Json, Yes, session

Name = Annotated[str, typer.Argument(help="Name of the key.")]

keys = typer.Typer(help="Named keys: create, list or revoke them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    context: typer.Context,
    name: Name,
    scope: Annotated[list[str], typer.Option(help="read, sync, import or all; repeat it for several.")],
    tenant: Annotated[list[str] | None, typer.Option(help="ID of a tenant; repeat it for several.")] = None,
    all_tenants: Annotated[bool, typer.Option("--all-tenants", help="Open all tenants, also later ones.")] = False,
    days: Annotated[int, typer.Option(help="Days until the key expires, at most 366.")] = 90,
    as_json: Json = False,
) -> None:
    """Create a key and print it. It is not shown again."""
    with session(context, as_json=as_json) as s:
        if all_tenants == bool(tenant):
            raise Failure("Use either --tenant or --all-tenants.", Exit.USAGE)
        body = {"name": name, "scopes": scope, "tenants": tenant or None, "expiresInDays": days}
        new = s.api("POST", "keys", body=body).json
        s.out.show(new, (new["value"], new["expiresAt"]), columns=("key", "expires"))
        s.out.print("Store the key now. It is not shown again.")


@keys.command("list")
def listed(context: typer.Context, as_json: Json = False) -> None:
    """List the keys, also those that ended."""
    with session(context, as_json=as_json) as s:
        entries = list(s.api.list_all("keys", "keys"))
        rows = [
            (
                key["name"],
                key["state"],
                ", ".join(key["scopes"]),
                "all" if key["tenants"] is None else ", ".join(key["tenants"]),
                key["expiresAt"],
                key["createdBy"],
            )
            for key in entries
        ]
        s.out.show({"keys": entries}, *rows, columns=("name", "state", "scopes", "tenants", "expires", "created by"))


@keys.command()
def revoke(context: typer.Context, name: Name, yes: Yes = False, as_json: Json = False) -> None:
    """Revoke a key. Programs that use it are refused from now on."""
    if not yes:
        typer.confirm(f"Revoke the key {name}?", abort=True)
    with session(context, as_json=as_json) as s:
        s.api("DELETE", "keys", name)
        s.out.show({"revoked": name}, (name,), columns=("revoked",))
