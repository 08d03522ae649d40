"""Locations, the groups mapped to them, and the directory's groups for the picker."""

from http import HTTPStatus

import azure.functions as func
import msgspec

from shared.bootstrap import app
from shared.domain.ids import object_id
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.triggers.http.framework.answers import Answer, tagged
from shared.triggers.http.framework.contracts import (
    NO_CONTENT,
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
from shared.triggers.http.schemas.tenants import LocationsView, MappingView

bp = func.Blueprint()


class LocationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What creates or renames a location."""

    name: str


class MappedGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A directory group; nested groups count unless `transitive` is false."""

    id: str
    transitive: bool = True


class MappingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All groups of a location; a plain id stands for the group with those nested in it."""

    groups: list[MappedGroup | str]


@route(bp, "GET", "tenants/{tenant}/locations", Contract(answers=answers(LocationsView), problems=NO_TENANT))
async def locations_list(request: Request) -> Answer:
    """Answer all locations with their mapped groups."""
    return Answer(LocationsView(locations=await app().configure.locations(request.tenant)))


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}",
    Contract(answers=answers(Location), tagged=True, problems=NO_LOCATION),
)
async def locations_get(request: Request) -> Answer:
    """Answer one location."""
    location, tag = await app().configure.location(request.tenant, request.location)
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
        problems={**NO_TENANT, 400: ("invalid_name",), 422: ("too_many_locations",)},
    ),
)
async def locations_put(request: Request) -> Answer:
    """Create a location, or rename it."""
    name = request.body(LocationBody).name
    location, tag = await app().configure.put_location(request.tenant, request.location, name, request.condition())
    return Answer(location, headers=tagged(tag))


@route(
    bp,
    "DELETE",
    "tenants/{tenant}/locations/{location}",
    Contract(answers=NO_CONTENT, conditional=True, problems=NO_LOCATION),
)
async def locations_delete(request: Request) -> Answer:
    """Erase a location with its recipients."""
    await app().configure.delete_location(request.tenant, request.location, request.condition())
    return Answer(status=HTTPStatus.NO_CONTENT)


@route(
    bp,
    "GET",
    "tenants/{tenant}/locations/{location}/groups",
    Contract(answers=answers(MappingView), tagged=True, problems=NO_LOCATION),
)
async def mapping_get(request: Request) -> Answer:
    """Answer the groups mapped to a location."""
    location, tag = await app().configure.location(request.tenant, request.location)
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
    """Map exactly these groups to a location."""
    groups = [
        GroupMapping(id=object_id(each))
        if isinstance(each, str)
        else GroupMapping(id=object_id(each.id), transitive=each.transitive)
        for each in request.body(MappingBody).groups
    ]
    mapped, tag = await app().configure.put_mapping(request.tenant, request.location, groups, request.condition())
    return Answer(MappingView(groups=mapped), headers=tagged(tag))


@route(bp, "GET", "tenants/{tenant}/mapping", Contract(answers=answers(MappedView), problems=NO_TENANT))
async def mapping_list(request: Request) -> Answer:
    """Answer every location's groups by name, with their members, and why one could not be read."""
    return Answer(MappedView(locations=await app().show_mapping(request.tenant)))


@route(
    bp,
    "GET",
    "tenants/{tenant}/groups",
    Contract(
        answers=answers(GroupsView),
        query=(Parameter(name="search", about="The beginning of a group's name, or its id."),),
        problems=READS_DIRECTORY,
    ),
)
async def groups_search(request: Request) -> Answer:
    """Answer groups of the directory whose name begins with `search`, or the one whose id it is."""
    return Answer(GroupsView(groups=await app().observe.groups(request.tenant, request.query("search"))))
