"""Requests that would occupy a worker for seconds or minutes if nothing bounded the work on them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

_CSV: Final = {"Content-Type": "text/csv"}
_JSON: Final = {"Content-Type": "application/json"}
_MIB: Final = 1024 * 1024
_REFUSED: Final = (range(400, 500),)
_ANY: Final = (range(200, 500),)


class Hostile(NamedTuple):
    """A request, and the statuses that may answer it."""

    name: str
    method: str
    path: str
    content: bytes | None
    headers: Mapping[str, str]
    wanted: Sequence[range] = _REFUSED


def hostile_requests(tenant: str, location: str) -> Iterator[Hostile]:
    """Yield the requests. None of them changes anything."""
    base = f"/tenants/{tenant}"
    recipients = f"{base}/locations/{location}/recipients"
    dry = f"{recipients}?dryRun=true"
    files = {
        "line breaks": b"\n" * (32 * _MIB),
        "line breaks below a header": b"name\n" + b"\n" * (31 * _MIB),
        "an open quote": b'name,mail\nAnn,"' + b"\n" * (8 * _MIB),
        "spaces before a quote": b'name,mail\n"a" ,' + b" " * 490_000 + b'""x\n',
        "brackets in the header": b"[" * 490_000 + b"\nAnn\n",
        "commas": b"name\n" + b"," * (8 * _MIB),
        "accents": b"name\nA" + ("\u0301" * 100_000 + "\u0327" * 100_000).encode() + b"\n",
    }
    for name, content in files.items():
        yield Hostile(name, "POST", dry, content, _CSV)
    filter_test = {"ssoFilter": {"domains": ["example.com"]}, "address": "a@" + "\u00fc" * 100_000}
    yield Hostile("a long address", "POST", f"{base}/email-filter-tests", msgspec.json.encode(filter_test), _JSON, _ANY)
    domains = {"ssoFilter": {"domains": ["\u00fc" * 230 + ".de"] * 500}, "address": "a@example.com"}
    yield Hostile("foreign domains", "POST", f"{base}/email-filter-tests", msgspec.json.encode(domains), _JSON)
    yield Hostile("deep JSON", "PUT", f"{base}/preferences", b"[" * 250_000, _JSON)
    yield Hostile("escaped JSON", "PUT", f"{base}/preferences", b'{"mode":"' + b"\\n" * 120_000 + b'"}', _JSON)
    yield Hostile("a long search", "GET", f"{recipients}?search={'e%CC%81' * 1_000}", None, {})
    weights = {"Accept": "text/csv;q=" + "1" * 6_000 + "x"}
    yield Hostile("a weight of many digits", "GET", f"{recipients}?limit=1", None, weights, _ANY)
    parameters = {"Content-Type": 'text/csv; x="' + ";" * 6_000}
    yield Hostile("a content type of many parts", "POST", dry, b"name\nAnn\n", parameters)
    yield Hostile("a forged cursor", "GET", f"{recipients}?cursor={'W1tb' * 400}", None, {})
