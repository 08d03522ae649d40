"""Pages, and the opaque tokens that lead from one to the next."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from infra.local.entra.graph.call import Call
from infra.local.entra.graph.seals import BadSeal, open_seal, seal
from infra.local.entra.http.answers import bad_request

SKIP_TOKEN = "$skiptoken"  # noqa: S105 - a parameter's name

Item = TypeVar("Item")


class PageToken(msgspec.Struct, frozen=True, kw_only=True):
    """The start of a page."""

    scope: str
    after: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some items, and the link to the next page."""

    items: Sequence[Item]
    annotations: dict[str, object]


def start_of(call: Call) -> str:
    """Return the key after which the page starts. Empty for the first page.

    Raises:
        GraphError: 400 if the token is too old, forged, or issued for another query.
    """
    text = call.target.parameters.get(SKIP_TOKEN)
    if not text:
        return ""
    try:
        token = open_seal(text, PageToken)
    except BadSeal as error:
        raise bad_request("The specified page token value is not valid.") from error
    if token.scope != _scope(call):
        raise bad_request("The specified page token value was issued for a different request.")
    if call.state.clock.epoch_s() - token.at_s > call.state.settings.page_token_lifetime_s:
        raise bad_request(
            "The specified page token value has expired and can no longer be included in your request.",
            "Directory_ExpiredPageToken",
        )
    return token.after


def take_page(call: Call, items: Iterable[Item], size: int, key: Callable[[Item], str]) -> Page[Item]:
    """Return the first `size` of `items`, which start where the page does."""
    iterator: Iterator[Item] = iter(items)
    taken = list(islice(iterator, size))
    if next(iterator, None) is None:
        return Page(items=taken, annotations={})
    return Page(items=taken, annotations={"@odata.nextLink": next_link(call, key(taken[-1]))})


def next_link(call: Call, after: str) -> str:
    """Return the address of the page that starts after `after`."""
    token = seal(PageToken(scope=_scope(call), after=after, at_s=call.state.clock.epoch_s()))
    return call.link({**_asked(call), SKIP_TOKEN: token})


def _asked(call: Call) -> dict[str, str]:
    return {
        name: value for name, value in call.target.parameters.items() if name != SKIP_TOKEN and name.startswith("$")
    }


def _scope(call: Call) -> str:
    asked = sorted(_asked(call).items())
    text = repr((call.directory.tenant_id, call.target.path, asked))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
