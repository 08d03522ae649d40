"""A link from an answer is followed only to where the token belongs."""

import pytest

from shared.adapters.entra import links
from shared.domain.directory import Source
from shared.domain.ids import ObjectId
from shared.errors import Conflict, NotFound
from tests.support.ids import HOSTILE

GRAPH = "https://graph.microsoft.com"
GROUP = ObjectId("22222222-2222-4222-8222-222222222222")


@pytest.mark.parametrize(
    "link",
    [
        f"{GRAPH}/v1.0/users?$skiptoken=RFNwdAIAAQ%3d%3d",
        f"{GRAPH}/v1.0//users?$deltatoken=x",
        f"{GRAPH.upper().replace('HTTPS', 'https')}/v1.0/users",
        f"{GRAPH}/v1.0/users?$filter=startswith(displayName,'a')&x=[1]",
        "HTTPS://GRAPH.MICROSOFT.COM:443/v1.0/users?%24skiptoken=x%2cy",
    ],
)
def test_graphs_own_links_pass_unchanged(link: str) -> None:
    """They are opaque, so nothing about them may change."""
    assert links.checked(GRAPH, link) == link


@pytest.mark.parametrize(
    "link",
    [
        "",
        "/v1.0/users",
        "http://graph.microsoft.com/v1.0/users",
        "https://graph.example.net/v1.0/users",
        "https://graph.microsoft.com.example.net/v1.0/users",
        "https://graph.microsoft.com@example.net/v1.0/users",
        "https://user@graph.microsoft.com/v1.0/users",
        "https://@graph.microsoft.com/v1.0/users",
        "https://graph.microsoft.com:443@example.net/v1.0/users",
        "https://graph.microsoft.com:8443/v1.0/users",
        "https://graph.microsoft.com:https/v1.0/users",
        "https://graph.microsoft.com\\@example.net/v1.0/users",
        "https://graph.micro\nsoft.com/v1.0/users",
        "https://graph.microsoft.com/v1.0/us ers",
        "https://gr\u0430ph.microsoft.com/v1.0/users",
        "https://[graph.microsoft.com/v1.0/users",
        f"{GRAPH}/beta/users",
        f"{GRAPH}/v1.0",
        f"{GRAPH}/v1.0/../beta/users",
        f"{GRAPH}/v1.0/%2e%2e/beta/users",
        f"{GRAPH}/v1.0/users?$skiptoken={'x' * 70_000}",
    ],
)
def test_other_links_do_not(link: str) -> None:
    """Another host, port, scheme or version, or anything that two parsers may read differently."""
    with pytest.raises(Conflict) as refused:
        links.checked(GRAPH, link)
    assert refused.value.code == "foreign_link"
    assert "example" not in str(refused.value)


def test_a_port_is_part_of_the_host() -> None:
    """An approved endpoint with a port is followed to that port only."""
    assert links.checked("https://127.0.0.1:23442", "https://127.0.0.1:23442/v1.0/users")
    with pytest.raises(Conflict):
        links.checked("https://127.0.0.1:23442", "https://127.0.0.1:23443/v1.0/users")


def test_addresses_of_first_pages() -> None:
    """Pages of 999, always with the id; members are cast to users, which wants a count."""
    assert links.users(GRAPH, Source()).startswith(f"{GRAPH}/v1.0/users?$select=id,userPrincipalName,")
    transitive = links.users(GRAPH, Source(group=GROUP))
    assert f"/v1.0/groups/{GROUP}/transitiveMembers/microsoft.graph.user?" in transitive
    assert transitive.endswith("&$top=999&$count=true")
    assert f"/{GROUP}/members/microsoft.graph.user?" in links.users(GRAPH, Source(group=GROUP, transitive=False))
    assert "$top" not in links.latest_delta(GRAPH)


@pytest.mark.parametrize("group", HOSTILE)
def test_a_group_that_is_not_of_entra_id_is_in_no_link(group: ObjectId) -> None:
    """A mapping takes any text as the id of a group; such a group is not there."""
    with pytest.raises(NotFound) as missing:
        links.users(GRAPH, Source(group=group))
    assert missing.value.code == "group_not_found"


def test_the_id_of_a_group_is_taken_in_any_case() -> None:
    """A person may have entered it so."""
    assert links.users(GRAPH, Source(group=ObjectId(GROUP.upper()))) == links.users(GRAPH, Source(group=GROUP))
