"""The server: HTTP/1.1 over TLS, written by hand, so that it can send what no library would."""

import asyncio
import gzip
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from infra.local.entra.graph.gateway import Graph
from infra.local.entra.http.request import Request
from infra.local.entra.state.simulator import State
from infra.local.stack.certificates import Certificates

_CHUNK_BYTES = 1000


@dataclass(slots=True)
class Sent:
    """A response, which a manner may change: JSON `content`, or a `body` instead of it."""

    status: int
    content: Any
    headers: dict[str, str]
    body: bytes | None = None
    #: Whether the body is compressed and sent in chunks.
    streamed: bool = False
    #: Bytes of the message that are withheld; the connection is closed in place of them.
    cut: int = 0
    #: Returns the JSON text of `content`.
    encode: Callable[[Any], bytes] = field(default=lambda content: json.dumps(content).encode())

    def message(self) -> bytes:
        """Return the bytes of the response."""
        body = self.encode(self.content) if self.body is None else self.body
        if self.streamed:
            self.headers |= {"content-ENCODING": "gzip", "TRANSFER-encoding": "chunked"}
            body = b"".join(_chunks(gzip.compress(body))) + b"0\r\n\r\n"
        elif self.status not in {204, 304} and "content-length" not in map(str.lower, self.headers):
            self.headers["cOnTeNt-LeNgTh"] = str(len(body))
        head = "".join(f"{name}:{value}\r\n" for name, value in self.headers.items())
        message = f"HTTP/1.1 {self.status} \r\n{head}\r\n".encode() + body
        return message[: len(message) - self.cut]


#: Changes a response. Receives the request, and returns whether it changed something.
Manner = Callable[[Request, Sent], bool]


class HostileGraph:
    """`async with HostileGraph(tls, state) as graph:` listens at `graph.url`, and becomes the state's Graph."""

    def __init__(self, tls: Certificates, state: State) -> None:
        self.manner: Manner = lambda _, __: False
        #: Number of responses that the manner has changed.
        self.changed = 0
        self.url = ""
        self._state = state
        self._graph = Graph(state)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(tls.cert, tls.key)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        # the name has letters, whose case a link may change
        self.url = self._state.graph = f"https://localhost:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                sent = self._answered(await _request(reader))
                writer.write(sent.message())
                await writer.drain()
                if sent.cut:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answered(self, request: Request) -> Sent:
        answer = self._graph.answer(request)
        headers = {**answer.headers, "Content-Type": answer.content_type}
        sent = Sent(status=answer.status, content=json.loads(answer.body), headers=headers)
        self.changed += self.manner(request, sent)
        return sent


async def _request(reader: asyncio.StreamReader) -> Request:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while length := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            body += (await reader.readexactly(length + 2))[:-2]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method=method, url=target, headers=headers, body=body)


def _chunks(body: bytes) -> Iterator[bytes]:
    """Yield chunks: one of a single byte, the others larger, each with an extension."""
    for start, end in [(0, 1), *((at, at + _CHUNK_BYTES) for at in range(1, len(body), _CHUNK_BYTES))]:
        chunk = body[start:end]
        yield f"{len(chunk):X};by=proxy\r\n".encode() + chunk + b"\r\n"
