"""Web hooks over real HTTP: good calls, bad ones, and attacks."""

import concurrent.futures
import hashlib
import hmac
import http.client
import json
import re
import signal
import socket
import threading
import time

from e2e.cases import case

SECRET = "hook-secret-of-the-rig"

BOT = """
bot:webhook("push", { verify = "github", secret = bot.secrets.key, max_bytes = 1000 },
    function(req) return 200, { got = #req.body } end)
bot:webhook("open", { verify = false, method = { "GET", "POST" } },
    function(req) return 200, { query = req.query, generation = bot.generation } end)
bot:webhook("slow", { verify = false }, function()
    print("slow begins")
    matrix.sleep("2s")
    return 200, "done"
end)
bot:webhook("fails", { verify = false }, function() error("private detail") end)
"""


def serve(rig, source=BOT, **listen):
    rig.login()
    rig.script(source)
    rig.write("secrets/key", SECRET + "\n", 0o600)
    rig.config(scripts={"echo": {"secrets": {"key": {"file": "key"}}}},
               listen={"address": "127.0.0.1:0", **listen})
    process = rig.run()
    port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)",
                         process.log())[1])
    return process, port


def call(port, name, body=b"", method="POST", headers=None, connection=None):
    """(status, headers, body)"""
    own = connection is None
    connection = connection or http.client.HTTPConnection(
        "127.0.0.1", port, timeout=60)
    connection.request(method, f"/hook/main/echo/{name}", body,
                       headers or {})
    reply = connection.getresponse()
    result = reply.status, reply.headers, reply.read()
    if own:
        connection.close()
    return result


def signed(body, secret=SECRET):
    sum_ = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": "sha256=" + sum_}


def raw(port, data, timeout=60):
    """What comes back for these bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        back = b""
        try:
            s.sendall(data)
            while more := s.recv(65536):
                back += more
        except (ConnectionResetError, BrokenPipeError):
            pass
        return back


def status_of(reply):
    match = re.match(rb"HTTP/1\.[01] (\d+)", reply)
    return int(match[1]) if match else 0


@case("webhook_calls", servers=("fake",))
def calls(rig):
    """Signatures, methods, sizes and errors, as a sender sees them."""
    process, port = serve(rig, public_url="https://bots.example.org/")
    process.until_logged(
        "webhook push is at https://bots.example.org/hook/main/echo/push")
    body = json.dumps({"a": "b" * 500}).encode()
    assert call(port, "push", body, headers=signed(body))[0] == 200
    for headers in ({}, signed(body, "wrong"), signed(body + b" ")):
        assert call(port, "push", body, headers=headers)[0] == 401
    status, _, back = call(port, "open?a=1%202&b=x", method="GET")
    assert (status, json.loads(back)["query"]) == (
        200, {"a": "1 2", "b": "x"}), back
    status, headers, _ = call(port, "push", method="GET")
    assert (status, headers["Allow"]) == (405, "POST")
    assert call(port, "none")[0] == 404
    assert call(port, "%70ush")[0] == 404
    status, _, back = call(port, "fails")
    assert status == 500 and b"private" not in back, back
    process.until_logged("private detail")

    # the largest body, one byte more, one without a length, a huge one
    big = b"x" * 1000
    assert call(port, "push", big, headers=signed(big))[0] == 200
    assert call(port, "push", big + b"x", headers=signed(big))[0] == 413
    assert status_of(raw(port, (
        b"POST /hook/main/echo/push HTTP/1.1\r\nHost: x\r\n"
        b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3e8\r\n%s\r\n1\r\nx\r\n0\r\n\r\n" % big))) == 413
    head = (b"POST /hook/main/echo/push HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n")
    for length in (10 ** 9, 10 ** 30):
        assert status_of(raw(port, head % length)) in (400, 413), length

    # several over one connection
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(20):
        assert call(port, "push", body, headers=signed(body),
                    connection=connection)[0] == 200
    connection.close()
    assert process.log().count("without the right signature") == 1
    assert SECRET not in process.log()
    process.stop()


@case("webhook_attacks", servers=("fake",))
def attacks(rig):
    """Slow, broken and crafted requests end; others are served meanwhile."""
    process, port = serve(rig)
    line = b"POST /hook/main/echo/open HTTP/1.1\r\nHost: x\r\n"
    crafted = {
        "two lengths": line + b"Content-Length: 0\r\nContent-Length: 5\r\n"
                              b"\r\nGET /x",
        "length and chunks": line + b"Content-Length: 5\r\n"
                                    b"Transfer-Encoding: chunked\r\n\r\n"
                                    b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        "no length": line + b"Content-Length: five\r\n\r\n",
        "negative": line + b"Content-Length: -1\r\n\r\n",
        "chunk": line + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "many headers": line + b"".join(
            b"X-%d: 1\r\n" % i for i in range(150)) + b"\r\n",
        "large headers": line + b"X: " + b"y" * 100000 + b"\r\n\r\n",
        "long line": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10
                   + b"\r\n\r\n",
        "climbing": b"GET /hook/main/../main/echo/open HTTP/1.1\r\n"
                    b"Host: x\r\nConnection: close\r\n\r\n",
        "not UTF-8": b"GET /hook/main/echo/open?a=%ff HTTP/1.1\r\n"
                     b"Host: x\r\nConnection: close\r\n\r\n",
    }
    slow = []
    for first in (b"", b"P", line, line + b"Content-Length: 10\r\n\r\nab"):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(first)
        slow.append(s)
    begin = time.monotonic()
    for what, data in crafted.items():
        reply = raw(port, data)
        assert status_of(reply) in (0, 400, 404, 411, 413, 414, 431), (
            what, reply[:200])
        assert reply.count(b"HTTP/1.1 2") == 0, (what, reply)
        assert call(port, "open")[0] == 200, what
    # one byte now and then holds nothing open
    while slow and time.monotonic() < begin + 60:
        for s in list(slow):
            s.settimeout(0.5)
            try:
                if not s.recv(1000):
                    slow.remove(s)
                    continue
                s.sendall(b"x")
            except socket.timeout:
                try:
                    s.sendall(b"x")
                except OSError:
                    slow.remove(s)
            except OSError:
                slow.remove(s)
        assert call(port, "open")[0] == 200
    assert not slow, f"{len(slow)} slow connections are still open"
    assert time.monotonic() - begin < 45

    # more connections than it takes; when they go all is well
    idle = []
    for _ in range(300):
        try:
            idle.append(socket.create_connection(("127.0.0.1", port), 5))
        except OSError:
            break
    for s in idle:
        s.close()
    rig.until(lambda: answers(port), "an answer")
    files = process.open_files()
    assert files < 100, files
    process.stop()


def answers(port):
    try:
        return call(port, "open")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@case("webhook_reload_under_fire", servers=("fake",))
def reload_under_fire(rig):
    """Reloads, refused ones too, while requests come: each is answered once,
    by the code in charge."""
    process, port = serve(rig)
    stop = threading.Event()
    seen = []

    def fire():
        connection = http.client.HTTPConnection("127.0.0.1", port,
                                                timeout=60)
        while not stop.is_set():
            status, _, back = call(port, "open", b"{}",
                                   connection=connection)
            assert status == 200, (status, back)
            seen.append(json.loads(back)["generation"])
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(fire) for _ in range(4)]
        for number in range(10):
            before = len(seen)
            broken = number % 3 == 2
            rig.script("bot:on(" if broken else
                       BOT + f'\nbot:on("load", function() '
                             f'matrix.sleep("100ms") end) -- {number}\n')
            status, out, err = rig.command("reload")
            assert status == (65 if broken else 0), (out, err)
            rig.until(lambda: len(seen) > before + 4
                      or any(job.done() for job in jobs), "more answers")
        stop.set()
        for job in jobs:
            job.result(60)
    assert max(seen) == 8 and seen[0] == 1, sorted(set(seen))
    process.stop()


@case("webhook_stop", servers=("fake",))
def stop_answers(rig):
    """A stop lets a request finish, and takes no new one."""
    process, port = serve(rig)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        job = pool.submit(call, port, "slow")
        process.until_logged("slow begins")
        process.signal(signal.SIGTERM)
        process.until_logged("stopping")
        rig.until(lambda: not answers(port), "no answer any more")
        assert job.result(30)[::2] == (200, b"done")
    assert process.wait() == 0


@case("webhook_address_busy", servers=("fake",))
def address_busy(rig):
    """An address that is taken, or none, is told at start."""
    rig.login()
    rig.script(BOT.replace("bot.secrets.key", '"x"'))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for address, why in (
                (f"127.0.0.1:{taken.getsockname()[1]}", "another program"),
                ("example.org:80", "cannot listen on example.org:80"),
                ("9008", "must be like")):
            rig.config(listen={"address": address})
            status, _, err = rig.command("run", "--no-watch")
            assert status == 78 and why in err, (status, err)
    rig.config()
    process = rig.run()
    process.until_logged("cannot be called: lunatrix.lua has no listen")
    process.stop()


GUARDED = """
bot:webhook("get", { verify = false }, function(req)
    local res, err = matrix.http.get(req.body)
    if res then return 200, res.body end
    return 200, err.kind .. ": " .. err
end)
bot:webhook("find", { verify = false }, function(req)
    local url, err = matrix.discover(req.body)
    return 200, url or err.kind .. ": " .. err
end)
"""


@case("http_guard", servers=("fake",))
def http_guard(rig):
    """A bot cannot be made to fetch from this machine or its network."""
    process, port = serve(rig, GUARDED)
    refused = 0
    for host in ("127.0.0.1", "localhost", "0", "2130706433", "127.1",
                 "[::1]", "[::ffff:7f00:1]", "10.0.0.1", "192.168.0.1",
                 "169.254.169.254", "100.64.0.1", "a@127.0.0.1"):
        url = f"http://{host}:{port}/hook/main/echo/get"
        _, _, back = call(port, "get", url.encode())
        assert back.startswith(b"denied: GET http://"), (host, back)
        refused += 1
    assert refused == 12
    for server in (f"http://127.0.0.1:{port}", f"http://127.1:{port}",
                   "localhost:1", "10.0.0.1", "[::1]:8448"):
        _, _, back = call(port, "find", server.encode())
        assert back.startswith(b"denied: "), (server, back)
    _, _, back = call(port, "find", rig.server.url.encode())
    assert back == rig.server.url.encode(), back
    rig.config(scripts={"echo": {"http": ["private"], "secrets": {
        "key": {"file": "key"}}}}, listen={"address": "127.0.0.1:0"})
    process.signal(signal.SIGHUP)
    process.until_logged("generation 2 replaces 1")
    _, _, back = call(port, "get", rig.server.url.encode()
                      + b"/_matrix/client/versions")
    assert b"versions" in back, back
    process.stop()
