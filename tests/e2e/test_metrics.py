"""/metrics, as Prometheus asks for it."""

import http.client
import json
import re

from e2e.cases import case
from e2e.test_webhooks import SECRET, serve
from fakes.homeserver import CANARY

BOT = """
bot:webhook("hook", { verify = false, method = { "GET", "POST" } }, function() return 200 end)
bot:webhook("bad", { verify = false }, function() error("private detail") end)
bot:every("1h", print)
"""

SAMPLE = re.compile(
    r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? '
    r'(\d+(?:\.\d+)?)')


def ask(port, path="/metrics", method="GET", body=None):
    """(status, headers, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body)
    reply = connection.getresponse()
    result = reply.status, reply.headers, reply.read().decode()
    connection.close()
    return result


def scrape(port):
    """{name: {labels: value}}, when all is as the format wants it."""
    status, headers, text = ask(port)
    assert status == 200, text
    assert headers["Content-Type"] == (
        "text/plain; version=0.0.4; charset=utf-8"), headers
    assert text.endswith("\n"), text
    found, last = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert line.split()[2] not in found, line
            last = line.split()[2]
            found[last] = {}
        elif line.startswith("# TYPE "):
            kind = "counter" if last.endswith("_total") else "gauge"
            assert line == f"# TYPE {last} {kind}", line
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name == last and labels not in found[name], line
            found[name][labels] = float(value)
    return found


@case("metrics_scrape", servers=("fake",))
def metrics_scrape(rig):
    """What status says is there to be scraped, and nothing private."""
    process, port = serve(rig, BOT, metrics=True)
    process.until_logged(f"metrics are at http://127.0.0.1:{port}/metrics")
    assert ask(port, "/hook/main/echo/hook", "POST")[0] == 200
    assert ask(port, "/hook/main/echo/bad", "POST")[0] == 500
    process.until_logged("private detail")
    account, script = 'account="main"', 'account="main",script="echo"'
    rig.until(lambda: scrape(port)["lunatrix_sync_up"][account], "a sync")
    found = scrape(port)
    code, out, _ = rig.command("status", "--json")
    assert code == 0, out
    report, = json.loads(out)["accounts"]
    told, = report["scripts"]
    assert found["lunatrix_info"] == {f'version="{report["version"]}"': 1}
    assert found["lunatrix_start_time_seconds"][account] == (
        report["started"] / 1000)
    assert found["lunatrix_login_up"] == {account: 1}
    assert found["lunatrix_sync_age_seconds"][account] < 60
    assert found["lunatrix_sends_waiting"] == {account: 0}
    assert found["lunatrix_events_waiting"] == {script: 0}
    assert found["lunatrix_script_up"] == {script: 1}
    assert found["lunatrix_script_refused"] == {script: 0}
    assert found["lunatrix_script_jobs"] == {
        f'{script},state="{state}"': 0
        for state in ("waiting", "running", "set_aside")}
    for name, member in (("generation", "generation"), ("timers", "timers"),
                         ("handled_total", "done"), ("tasks", "tasks"),
                         ("failed_total", "failed"),
                         ("memory_limit_bytes", "memory_limit")):
        assert found[f"lunatrix_script_{name}"] == {script: told[member]}, name
    assert told["done"] >= 1 and told["failed"] == 1, told
    assert found["lunatrix_script_memory_bytes"][script] > 1000
    assert found["process_resident_memory_bytes"][None] > 1 << 20
    assert found["process_cpu_seconds_total"][None] > 0
    text = ask(port)[2]
    for word in (CANARY, SECRET, rig.user_id, "private", "!", "http",
                 report["device_id"]):
        assert word not in text, word

    # a refused reload, and an outage
    rig.script("bot:on(")
    assert rig.command("reload")[0] == 65
    found = scrape(port)
    assert found["lunatrix_script_up"] == {script: 1}
    assert found["lunatrix_script_refused"] == {script: 1}
    rig.server.fail("sync", 503, {}, times=None)
    rig.until(lambda: not scrape(port)["lunatrix_sync_up"][account],
              "the outage")
    process.stop()


@case("metrics_requests", servers=("fake",))
def metrics_requests(rig):
    """HEAD is answered, other methods and paths are not, hooks go on."""
    process, port = serve(rig, BOT, metrics=True)
    status, headers, text = ask(port, method="HEAD")
    assert (status, text) == (200, "") and int(headers["Content-Length"]) > 99
    assert ask(port, "/metrics?name=x")[0] == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        status, headers, text = ask(port, method=method, body="x")
        assert (status, headers["Allow"]) == (405, "GET, HEAD"), method
        assert "lunatrix_" not in text
    assert ask(port, body="x" * 1000)[0] == 413
    for path in ("/metrics/", "/metrics/x", "/Metrics", "/metric", "/",
                 "/%6detrics", "//metrics", "/hook/metrics"):
        assert ask(port, path)[0] == 404, path
    assert ask(port, "/hook/main/echo/hook")[0] == 200
    process.stop()


@case("metrics_off", servers=("fake",))
def metrics_off(rig):
    """Without `metrics = true` there are none."""
    process, port = serve(rig, BOT)
    for method in ("GET", "HEAD", "POST"):
        status, headers, _ = ask(port, method=method)
        assert (status, headers["Allow"]) == (404, None), method
    assert "metrics are" not in process.log()
    process.stop()
