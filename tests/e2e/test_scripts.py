"""The library in a running bot, and the scripts that are shipped."""

import http.server
import pathlib
import threading

from e2e.cases import case
from e2e.chat import edits

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


def shipped(name):
    return (SCRIPTS / f"{name}.lua").read_text(encoding="utf-8")


@case("script_ping")
def ping(rig):
    """scripts/ping.lua answers, and edits its answer with two times."""
    chat = rig.chat(shipped("ping"))
    event_id = chat.say("!ping")
    reply = chat.answer(event_id)
    change = chat.until(
        lambda t: [e for e in chat.from_bot(t)
                   if edits(e) == reply["event_id"]], "the edit")[0]
    body = change["content"]["m.new_content"]["body"]
    assert body.startswith("pong: lag ") and body.endswith(" ms"), body
    chat.process.stop()


@case("script_roll")
def roll(rig):
    """scripts/roll.lua: typed arguments, defaults, the check, help."""
    chat = rig.chat(shipped("roll"))
    total, rest = chat.ask("!roll 3 6 for luck").split(" ", 1)
    assert 3 <= int(total) <= 18 and rest.endswith("for luck"), rest
    assert 1 <= int(chat.ask("!roll").split()[0]) <= 6
    assert "count must be 1 to 50" in chat.ask("!roll 99")
    assert "usage: !roll" in chat.ask("!roll two")
    said = chat.ask("!help roll")
    assert "roll some dice" in said and "example: !roll 2 20" in said, said
    chat.process.stop()


@case("script_order")
def order(rig):
    """scripts/order.lua: a talk survives a kill after each answer, and no
    question is put twice."""
    chat = rig.chat(shipped("order"))
    question = chat.say("!order")
    for answer in ("Large", "yes"):
        chat.answer(question)
        chat.process.kill()
        question = chat.say(answer)
        chat.process = rig.run()
    chat.until(lambda t: chat.from_bot(t, "m.reaction"), "the pizza")
    assert chat.ask("!orders") == f"{chat.alice.user_id}: large"
    asked = [e["content"]["body"] for e in chat.from_bot(
        chat.alice.timeline(chat.room))]
    assert len(asked) == 3, asked
    chat.process.stop()


@case("script_guard")
def guard(rig):
    """scripts/guard.lua welcomes by name, warns, and kicks the third time."""
    chat = rig.chat(shipped("guard"))
    bob = rig.server.user("bob")
    levels = chat.alice.state(chat.room, "m.room.power_levels")
    levels["users"][rig.user_id] = 50
    chat.alice.set_state(chat.room, "m.room.power_levels", levels)
    chat.alice.invite(chat.room, bob.user_id)
    bob.join(chat.room)
    welcome = chat.until(
        lambda t: [e for e in chat.from_bot(t)
                   if e["content"]["body"].startswith("Welcome, ")],
        "a welcome")[0]
    assert "bob" in welcome["content"]["body"], welcome
    warn = f"!warn {bob.user_id} be nice"
    assert "warning 1 of 3: be nice" in chat.ask(warn)
    event_id = bob.say(chat.room, f"!warn {chat.alice.user_id} no")
    assert "power level 50" in chat.answer(event_id)["content"]["body"]
    assert "warning 2 of 3" in chat.ask(warn)
    chat.say(warn)
    rig.until(lambda: chat.alice.members(chat.room)[bob.user_id] == "leave",
              "bob is kicked")
    chat.process.stop()


class Feed(http.server.BaseHTTPRequestHandler):
    items = ["one"]
    asked = 0

    def do_GET(self):
        body = "".join(
            f"<item><title>{i} &amp; more</title><link>http://x/{i}</link>"
            "</item>" for i in self.items).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(body)
        type(self).asked += 1

    def log_message(self, *_):
        pass


@case("script_feed", servers=("fake",))
def feed(rig):
    """scripts/feed.lua is quiet at first, then posts what is new, once."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        rig.login()
        alice = rig.server.user("early")
        room = alice.create_room([rig.user_id])
        rig.script(shipped("feed").replace('"10m"', '"1s"'))
        rig.config(scripts={"echo": {"http": ["private"], "config": {
            "feed": f"http://127.0.0.1:{server.server_address[1]}/",
            "room": room}}})
        process = rig.run()
        rig.until(lambda: Feed.asked >= 2, "two looks at the feed")
        rig.until(lambda: alice.members(room).get(rig.user_id) == "join",
                  "the bot joins")
        Feed.items = ["one", "two"]
        rig.until(lambda: alice.messages(room, rig.user_id), "a post")
        asked = Feed.asked
        rig.until(lambda: Feed.asked >= asked + 2, "two more looks")
        bodies = [e["content"]["body"]
                  for e in alice.messages(room, rig.user_id)]
        assert bodies == ["two & more http://x/two"], bodies
        process.stop()
    finally:
        server.shutdown()
        server.server_close()


API = r"""
local t = {}

function t.room(ev)
    local r = ev.room
    assert(r == bot:room(ev.room_id) and r.membership == "join")
    assert(r:version() and not r:is_encrypted() and not r:is_space())
    assert(r:state("m.room.create") and r:state("org.example.none") == nil)
    assert(r:can(ev.sender, "m.room.name") and not r:can(bot.user_id, "kick"))
    local count = 0
    for member in r:members() do
        count = count + 1
        assert(member.membership == "join" and #tostring(member) > 0)
    end
    assert(count == 2 and r:member(ev.sender) and not r:member("@no:where"))
    assert(tostring(ev.member):find("alice", 1, true), tostring(ev.member))
    assert(tostring(r):find("alice", 1, true), tostring(r))
    local found = false
    for room in bot:rooms() do found = found or room == r end
    assert(found)
end

function t.store()
    bot.store:set("a", { list = { 1, 2 }, empty = matrix.array({}), f = 1.5 })
    local a = bot.store:get("a")
    assert(a.list[2] == 2 and math.type(a.list[2]) == "integer" and a.f == 1.5)
    assert(matrix.is_array(a.empty))
    assert(bot.store:update("n", function(old) return (old or 0) + 1 end) == 1)
    local ok, err = pcall(function()
        bot.store:update("n", function() matrix.sleep(1) end)
    end)
    assert(not ok and err:find("'sleep' cannot wait inside 'update'"), err)
    ok, err = pcall(function() bot.store:set("v", { { cb = print } }) end)
    assert(not ok and err:find("v[1].cb is a function", 1, true), err)
    local keys = {}
    for key in bot.store:keys() do keys[#keys + 1] = key end
    assert(table.concat(keys, ",") == "a,n")
    bot.store:set("gone", 1, { ttl = 0.05 })
    matrix.sleep("100ms")
    assert(bot.store:get("gone") == nil)
end

function t.memory()
    bot.memory.list = { "a" }
    table.insert(bot.memory.list, "b")
    bot.memory.deep = { er = { x = 1 } }
    bot.memory.deep.er.y = true
    local seen = {}
    for key in pairs(bot.memory.deep.er) do seen[#seen + 1] = key end
    assert(#bot.memory.list == 2 and table.concat(seen) == "xy")
    bot.memory.deep = nil
    assert(bot.memory.deep == nil)
end

function t.errors(ev)
    local ok, err = ev.room:kick("@nobody:localhost")
    assert(ok == nil and err.kind == "matrix" and err.status == 403, err)
    assert(err.request and not err.request:find("token"))
    local caught = select(2, pcall(function() assert(ev.room:kick("@nobody:localhost")) end))
    assert(matrix.is_error(caught) and caught.errcode == "M_FORBIDDEN")
    local big = ("x"):rep(70000)
    ok, err = ev.room:send(big)
    assert(ok == nil and err.kind == "limit", err)
    ok, err = pcall(function() ev.room:send{ image = "x" } end)
    assert(not ok and err:find("echo.lua:%d+: room:send: unknown field"), err)
    ok, err = pcall(function() bot:on("message", print) end)
    assert(not ok and err:find("echo.lua:%d+: .*while it loads"), err)
end

function t.tasks(ev)
    local task = matrix.spawn(function() matrix.sleep(0.01); return 1, nil, 3 end)
    local r = table.pack(task:join())
    assert(r.n == 3 and r[3] == 3)
    local sent = assert(ev.room:notice{ html = "<b>hi</b> there" })
    assert(sent.content.body == "hi there" and sent.is_own)
    assert(sent:react("x") and sent:redact("bye"))
    local fired = 0
    local handle = bot:every(0.02, { now = true }, function() fired = fired + 1 end)
    bot:after("10ms", function() fired = fired + 100 end)
    matrix.sleep(0.2)
    handle:cancel()
    local before = fired
    matrix.sleep(0.1)
    assert(before > 101 and fired == before, fired)
end

function t.text(ev)
    local sent = assert(ev.room:send{ markdown = "**b** <i>\n[l](javascript:x)" })
    assert(sent.content.formatted_body == "<strong>b</strong> &lt;i&gt;<br />\nl",
        sent.content.formatted_body)
    assert(sent.content.body == "b <i>\nl", sent.content.body)
    assert(sent:edit{ markdown = "*c*" })
    local ok, err = ev.room:send{ markdown = ("*x* "):rep(30000) }
    assert(ok == nil and err.kind == "limit", err)
    local link = matrix.uri.format{ room_id = ev.room_id, event_id = ev.event_id }
    assert(matrix.uri.parse(link).event_id == ev.event_id)
end

function t.several(ev)
    local both = assert(matrix.all{
        function() return ev.room:send("one") end,
        function() matrix.sleep("10ms"); return 2 end,
    })
    assert(both.n == 2 and both[1].event_id and both[2] == 2)
    local late = false
    local who = matrix.race{
        function() matrix.sleep("10s"); late = true end,
        function() matrix.sleep("10ms"); return "quick" end,
    }
    assert(who == "quick" and not late)
    local none, err = matrix.all{
        function() return ev.room:kick("@nobody:localhost") end,
        function() matrix.sleep("10s"); late = true end,
    }
    assert(none == nil and err.errcode == "M_FORBIDDEN" and not late, err)
end

function t.client(ev)
    local who = assert(bot.client:request("GET", "/account/whoami"))
    assert(who.user_id == bot.user_id)
    assert(bot.client:whoami().user_id == bot.user_id)
    local body, response = bot.client:request("GET", "/account/whoami")
    assert(body and response.status == 200)
    assert(bot.client:send(ev.room_id, "org.example.raw", { n = 1 }))
    local ok, err = pcall(function() bot.client:login{ user = "x", password = "y" } end)
    assert(not ok and err:find("client:login is only for programs"), err)
end

function t.config()
    assert(bot.config.list[2] == "b" and bot.config.none == nil)
    assert(not pcall(function() bot.config.x = 1 end))
    assert(tostring(bot.secrets) ~= nil and next(bot.secrets) == nil)
end

bot:command("test <what>", function(ev, a)
    local ok, err = xpcall(t[a.what], debug.traceback, ev)
    ev:reply(ok and "fine" or tostring(err))
end)
"""


@case("script_api")
def script_api(rig):
    """Rooms, store, memory, errors, tasks, client, config of a bot."""
    rig.login()
    rig.script(API)
    rig.config(scripts={"echo": {"config": {"list": ["a", "b"]}}})
    from e2e.chat import Chat
    chat = Chat(rig, rig.run(), 1)
    for name in ("room", "store", "memory", "errors", "tasks", "text",
                 "several", "client", "config"):
        answer = chat.ask(f"!test {name}")
        assert answer == "fine", f"{name}: {answer}"
    chat.process.stop()


@case("unseen_write", servers=("fake",))
def unseen_write(rig):
    """A failed write that nobody looked at is logged with its line."""
    chat = rig.chat("""
bot:on("message", function(ev)
    ev.room:kick("@a:localhost")
    local ok, err = ev.room:kick("@b:localhost")
    print("kind", err.kind)
    ev:reply("done")
end)
""")
    assert chat.ask("go") == "done"
    rig.until(lambda: "unchecked error" in chat.process.log(), "a warning")
    log = chat.process.log()
    assert log.count("unchecked error") == 1, log
    line = next(x for x in log.splitlines() if "unchecked error" in x)
    assert "echo.lua:3" in line, line
    chat.process.stop()


@case("exec_offline", servers=("fake",))
def exec_offline(rig):
    """A plain script against the homeserver in the same process."""
    script = rig.path / "bot" / "hello.lua"
    script.write_text('''
local client = matrix.client{ homeserver = "https://test" }
local auth = { type = "m.login.dummy" }
assert(client:request("POST", "/_matrix/client/v3/register",
    { body = { username = "ann", password = "secret word", auth = auth, inhibit_login = true } }))
assert(client:login{ user = "ann", password = "secret word" })
local room = assert(client:request("POST", "/_matrix/client/v3/createRoom", { body = {} }))
assert(client:send(room.room_id, "m.room.message", { msgtype = "m.text", body = "hi" }))
for event in assert(client:sync_once()):events() do
    if event.type == "m.room.message" then print(event.sender, event.content.body) end
end
''', encoding="utf-8")
    status, out, err = rig.command("exec", "--offline", script)
    assert (status, out, err) == (0, "@ann:test\thi\n", ""), (status, out, err)
