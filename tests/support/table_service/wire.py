"""A minimal HTTP/1.1 server for the requests that the Azure SDKs send."""

import asyncio
from http import HTTPStatus
from typing import Final

from tests.support.table_service.service import Answer, Request, Service

_LENGTH: Final = "content-length"


class Connection(asyncio.Protocol):
    """One connection of a client. Its requests are answered one after the other."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._received = bytearray()
        #: Start and end of the body of the current request; None before its head is complete.
        self._head: tuple[Request, int, int] | None = None
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for responses."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Process bytes, and answer every complete request."""
        self._received += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._waiting and (request := self._next()) is not None:
            answer = self._service.answer(request)
            if answer.wait_s > 0:
                self._waiting = True
                self._loop.call_later(answer.wait_s, self._late, answer)
            else:
                self._send(answer)

    def _late(self, answer: Answer) -> None:
        self._waiting = False
        self._send(answer)
        self._go_on()

    def _next(self) -> Request | None:
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return None
            request = _head(bytes(self._received[:end]))
            if "transfer-encoding" in request.headers:
                self._send(Answer(HTTPStatus.LENGTH_REQUIRED))
                self._transport.close()
                return None
            length = int(request.headers.get(_LENGTH, 0))
            self._head = (request, end + 4, end + 4 + length)
            if request.headers.get("expect") == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request, start, end = self._head
        if len(self._received) < end:
            return None
        body = bytes(self._received[start:end])
        del self._received[:end]
        self._head = None
        return request._replace(body=body)

    def _send(self, answer: Answer) -> None:
        if self._transport.is_closing():
            return
        phrase = HTTPStatus(answer.status).phrase
        lines = [f"HTTP/1.1 {int(answer.status)} {phrase}", f"Content-Length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        self._transport.write("\r\n".join((*lines, "", "")).encode() + answer.body)


def _head(data: bytes) -> Request:
    line, *rest = data.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    path, _, query = target.partition("?")
    headers = {}
    for each in rest:
        name, _, value = each.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, query, headers, b"")
