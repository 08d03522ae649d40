"""Routes for locations, mapped groups and the search for directory groups."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.access.callers import name_of
from shared.domain.access.rate_limit import Expense
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.triggers.http.framework.answers import Answer, tagged
from shared.triggers.http.framework.contracts import (
    NO_LOCATION,
    NO_TENANT,
    READS_DIRECTORY,
    Contract,
    Parameter,
    answers,
)
from shared.triggers.http.framework.requests import Request
from shared.triggers.http.framework.routing import route
from shared.triggers.http.schemas.connection import GroupsView, MappedView
from shared.triggers.http.schemas.runs import RunView
from shared.triggers.http.schemas.tenants import LocationDeletionView, LocationsView, MappingView

bp = func.Blueprint()


class LocationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Creates or renames a location."""

    name: str


class MappedGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A directory group, with its nested groups unless `transitive` is false."""

    id: str
    transitive: bool = True


class ColumnsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of the columns of files, by the column's name; null for a column that is not used."""

    columns: dict[str, str | None]


class MappingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All groups of a location; a plain id means the group including nested groups."""

    groups: list[MappedGroup | str]


@route(bp, "GET", "tenants/{tenant}/locations", Contract(answers=answers(LocationsView), problems=NO_TENANT))
async def locations_list(request: Request) -> Answer:
    """List all locations with their mapped groups."""
    return Answer(LocationsView(locations=await app().locations.list_all(request.tenant)))


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}",
    Contract(answers=answers(Location), tagged=True, problems=NO_LOCATION),
)
async def locations_get(request: Request) -> Answer:
    """Return a location."""
    location, tag = await app().locations.get(request.tenant, request.location)
    return Answer(location, headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/locations/{location}",
    Contract(
        answers=answers(Location),
        body=LocationBody,
        tagged=True,
        conditional=True,
        problems={**NO_TENANT, 400: ("invalid_name",), 409: ("sweeping",), 422: ("too_many_locations",)},
    ),
)
async def locations_put(request: Request) -> Answer:
    """Create or rename a location."""
    name = request.body(LocationBody).name
    location, tag = await app().locations.put(request.tenant, request.location, name, request.condition())
    return Answer(location, headers=tagged(tag))


@route(
    bp,
    "DELETE",
    "tenants/{tenant}/locations/{location}",
    Contract(
        answers={HTTPStatus.NO_CONTENT: None, HTTPStatus.ACCEPTED: LocationDeletionView},
        conditional=True,
        problems={**NO_LOCATION, 409: ("paused",)},
    ),
)
async def locations_delete(request: Request) -> Answer:
    """Erase a location and its recipients. With 202, repeat the request until 204, or the watchdog erases the rest."""
    deletion = await app().locations.delete(request.tenant, request.location, request.condition())
    if deletion is None:
        return Answer(status=HTTPStatus.NO_CONTENT)
    return Answer(LocationDeletionView.of(request.tenant, request.location, deletion), HTTPStatus.ACCEPTED)


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}/deletion",
    Contract(answers=answers(LocationDeletionView), problems={404: ("deletion_not_found",)}),
)
async def locations_deletion(request: Request) -> Answer:
    """Return how far the deletion of a location is, until its id can be used again."""
    deletion = await app().location_deletion.get(request.tenant, request.location)
    return Answer(LocationDeletionView.of(request.tenant, request.location, deletion))


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}/groups",
    Contract(answers=answers(MappingView), tagged=True, problems=NO_LOCATION),
)
async def mapping_get(request: Request) -> Answer:
    """List the groups mapped to a location."""
    location, tag = await app().locations.get(request.tenant, request.location)
    return Answer(MappingView(groups=location.groups), headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/locations/{location}/groups",
    Contract(
        answers=answers(MappingView),
        body=MappingBody,
        tagged=True,
        conditional=True,
        problems={**NO_LOCATION, 422: ("duplicate_group", "too_many_groups")},
    ),
)
async def mapping_put(request: Request) -> Answer:
    """Replace the groups mapped to a location."""
    body = request.body(MappingBody)
    object_id = (await app().access.provider(request.tenant)).object_id
    groups = [
        GroupMapping(id=object_id(group))
        if isinstance(group, str)
        else GroupMapping(id=object_id(group.id), transitive=group.transitive)
        for group in body.groups
    ]
    mapped, tag = await app().locations.put_mapping(request.tenant, request.location, groups, request.condition())
    return Answer(MappingView(groups=mapped), headers=tagged(tag))


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}/columns",
    Contract(answers=answers(ColumnsBody), tagged=True, problems=NO_LOCATION),
)
async def columns_get(request: Request) -> Answer:
    """Return the columns that a location remembers for imports."""
    location, tag = await app().locations.get(request.tenant, request.location)
    return Answer(ColumnsBody(columns=location.columns), headers=tagged(tag))


@route(
    bp,
    "PUT",
    "tenants/{tenant}/locations/{location}/columns",
    Contract(
        answers=answers(ColumnsBody),
        body=ColumnsBody,
        tagged=True,
        conditional=True,
        problems={**NO_LOCATION, 400: ("invalid_body",)},
    ),
)
async def columns_put(request: Request) -> Answer:
    """Replace the columns that a location remembers for imports; an empty object forgets them."""
    body = request.body(ColumnsBody)
    _, tag = await app().locations.put_columns(request.tenant, request.location, body.columns, request.condition())
    return Answer(body, headers=tagged(tag))


class UnmapBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unmaps a group from all locations and starts a sync, or only previews that sync."""

    group: str
    preview: bool


@route(
    bp,
    "POST",
    "tenants/{tenant}/unmapped-groups",
    Contract(
        answers=answers(RunView, HTTPStatus.ACCEPTED),
        body=UnmapBody,
        located=True,
        expense=Expense.RUNS,
        problems={
            404: ("tenant_not_found", "group_not_mapped"),
            409: ("run_active",),
            422: ("group_not_refused", "not_connected"),
        },
    ),
)
async def unmapped_groups_post(request: Request) -> Answer:
    """Unmap a group that the directory has refused for 7 days, and return the sync, or its preview (202)."""
    body = request.body(UnmapBody)
    group = (await app().access.provider(request.tenant)).object_id(body.group)
    unmap = app().unmap_group.preview if body.preview else app().unmap_group
    run = await unmap(request.tenant, group, name_of(request.caller))
    return Answer(
        RunView.of(run), HTTPStatus.ACCEPTED, headers={"Location": f"/api/tenants/{run.tenant}/runs/{run.id}"}
    )


@route(
    bp,
    "GET",
    "tenants/{tenant}/mapping",
    Contract(answers=answers(MappedView), expense=Expense.SEARCH, problems=NO_TENANT),
)
async def mapping_list(request: Request) -> Answer:
    """List the mapped groups of all locations with names, member counts and read errors."""
    return Answer(MappedView(locations=await app().show_mapping(request.tenant)))


@route(
    bp,
    "GET",
    "tenants/{tenant}/groups",
    Contract(
        answers=answers(GroupsView),
        expense=Expense.SEARCH,
        query=(Parameter(name="search", about="The start of a group's name, or its object id."),),
        problems=READS_DIRECTORY,
    ),
)
async def groups_search(request: Request) -> Answer:
    """Search directory groups by the start of their name, or by object id."""
    return Answer(GroupsView(groups=await app().show_mapping.find_groups(request.tenant, request.query("search"))))
