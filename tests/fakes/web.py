"""A small HTTP/1.1 server on asyncio whose answers can be made to fail.

It runs in a thread of its own. The subclass gives each request to answer();
what a connection suffers (cut, stalled, half a body) is decided there too,
by returning a Response that says so.
"""

import asyncio
import contextlib
import json
import socket
import threading
import urllib.parse

REASONS = {200: "OK", 204: "No Content", 302: "Found", 400: "Bad Request",
           401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 413: "Too Large",
           429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Unavailable", 504: "Timeout"}


class Request:
    """One request as it came; segments are decoded, path is not."""

    def __init__(self, method, target, headers, body):
        self.method = method
        self.path, _, query = target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query,
                                                 keep_blank_values=True))
        self.segments = [urllib.parse.unquote(part)
                         for part in self.path.split("/")[1:]]
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body) if self.body else {}


class Response:
    """What goes back. body: a dict, bytes, or an iterator over bytes.

    cut: None, "before" (close without a word) or "body" (close in the middle
    of the body, whose length was announced).
    """

    def __init__(self, status=200, body=None, headers=None, cut=None):
        self.status = status
        self.body = {} if body is None else body
        self.headers = headers or {}
        self.cut = cut


class WebServer:
    """Listens on a free port of 127.0.0.1; die() and come_back() keep it."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.connections = set()
        self.listener = None
        self.port = 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    async def answer(self, request):
        raise NotImplementedError

    # --- called from the test's thread ---

    def open(self):
        self.thread.start()
        self.come_back()

    def on_loop(self, coroutine):
        """Run a coroutine in the server's thread; give back its result."""
        return asyncio.run_coroutine_threadsafe(
            coroutine, self.loop).result(60)

    def do(self, function, *arguments, **named):
        """Call a function in the server's thread; give back its result."""
        async def call():
            return function(*arguments, **named)
        return self.on_loop(call())

    def come_back(self):
        self.on_loop(self._listen())

    def die(self):
        self.on_loop(self._die())

    def close(self):
        self.die()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    # --- in the server's thread ---

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _listen(self):
        # With the protocol named, asyncio switches Nagle's algorithm off.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM,
                             socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self.port))
        self.port = sock.getsockname()[1]
        self.listener = await asyncio.start_server(self._serve, sock=sock)

    async def _die(self):
        if self.listener:
            self.listener.close()
            self.listener = None
        for task in list(self.connections):
            task.cancel()
        if self.connections:
            await asyncio.wait(self.connections, timeout=5)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.connections.add(task)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError,
                asyncio.CancelledError):
            pass
        finally:
            self.connections.discard(task)
            writer.transport.abort()

    async def _serve_one(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return False
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method, target, headers, body)
        response = await self._answer_unless_gone(request, reader)
        if response is None or response.cut == "before":
            return False
        return await self._write(writer, response)

    async def _answer_unless_gone(self, request, reader):
        """The answer, or None if the other side left while it was made."""
        work = asyncio.ensure_future(self.answer(request))
        gone = asyncio.ensure_future(self._until_closed(reader))
        try:
            await asyncio.wait({work, gone},
                               return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            for future in (work, gone):
                if not future.done():
                    future.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await future

    @staticmethod
    async def _until_closed(reader):
        while not reader.at_eof():
            # There is no call that waits for the end and reads nothing.
            await asyncio.sleep(0.05)

    @staticmethod
    async def _write(writer, response):
        body = response.body
        if isinstance(body, dict):
            body = json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **response.headers}
        whole = isinstance(body, bytes)
        if whole:
            headers["Content-Length"] = str(len(body))
        else:
            headers["Transfer-Encoding"] = "chunked"
        reason = REASONS.get(response.status, "Whatever")
        head = f"HTTP/1.1 {response.status} {reason}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(head.encode("latin-1") + b"\r\n")
        if response.cut == "body":
            writer.write(body[:len(body) // 2] if whole else b"")
            await writer.drain()
            writer.close()
            return False
        if whole:
            writer.write(body)
        else:
            for chunk in body:
                writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
