-- The world of a test case: w, and its rooms.

local core = ...
local description = core.require "description"
local suggest = core.require "suggest"
local time = core.require "time"

description.extend("test")

local World, Room = {}, {}

local M = {}

local function control(name, ...)
    local arguments = table.pack(...)
    local list = core.array({})
    for i = 1, arguments.n do
        if arguments[i] == nil then
            list[i] = core.null
        else
            list[i] = arguments[i]
        end
    end
    return core.json_decode(core.world_control(name, core.json_encode(list)))
end
M.control = control

-- ---- w ------------------------------------------------------------------------

-- A fresh world with the file's scripts, all at rest. prepare, if given, is
-- called before they load.
function M.open(scripts, prepare)
    local world = setmetatable({
        user_id = core.user_id, rooms = {}, lines = {}, refusal = false,
    }, World)
    core.world_new()
    for _, script in ipairs(scripts) do
        core.world_script(script.path, script.config, script.secrets)
    end
    if prepare then prepare(world) end
    core.world_start()
    return world
end

-- A room with these people and the bot in it.
function World:room(opts)
    opts = opts or {}
    local members = core.array({})
    for i, user_id in ipairs(opts.members or {}) do members[i] = user_id end
    local sent = {}
    for key, value in pairs(opts) do sent[key] = value end
    sent.members = members
    local made = control("room", self.user_id, sent)
    local room = setmetatable({ world = self, room_id = made.room_id }, Room)
    table.insert(self.rooms, room)
    return room
end

-- A room that is there already.
function M.room_of(world, room_id)
    return setmetatable({ world = world, room_id = room_id }, Room)
end

function World:advance(duration) -- luacheck: no self
    local seconds = time.seconds(duration)
    if type(seconds) ~= "number" then
        error(("'%s' is no duration"):format(tostring(duration)), 2)
    end
    core.world_advance(math.tointeger(seconds * 1000 // 1))
end

local function take_log(world)
    for level, text in core.world_log():gmatch("(%d)([^\0]*)\0") do
        local names = { ["1"] = "info", ["2"] = "warn", ["3"] = "error" }
        table.insert(world.lines, { level = names[level], text = text })
    end
    return world.lines
end
M.take_log = take_log

-- Lines of the log since the last call (of one level), newest last: { level,
-- text }. What a case has read here is what it expects: it does not fail for
-- it.
function World:log(level)
    local out, kept = {}, {}
    for _, line in ipairs(take_log(self)) do
        table.insert((not level or line.level == level) and out or kept, line)
    end
    self.lines = kept
    return out
end

-- What the script has stored: key -> value.
function World:store() -- luacheck: no self
    return core.json_decode(core.world_store())
end

-- The next request of that kind is refused: { errcode, status, error,
-- retry_after_ms, times }.
function World:fail_next(op, fault) -- luacheck: no self
    control("fail_next", op, fault or {})
end

-- The next request of that kind is done, but its answer is lost.
function World:drop_next(op) -- luacheck: no self
    control("drop_next", op)
end

-- What a URL (one that ends in * stands for all that begin so) answers:
-- { status, headers, body }, or the body. Without an answer: the requests so
-- far.
function World:http(url, response) -- luacheck: no self
    if url == nil then return control("http_log") end
    if type(response) == "string" then response = { body = response } end
    control("http", url, response)
end

local function query_text(query)
    local out = {}
    local function escape(text)
        return (tostring(text):gsub("[^%w%-._~]", function(c)
            return ("%%%02X"):format(c:byte())
        end))
    end
    for key, value in pairs(query or {}) do out[#out + 1] = escape(key) .. "=" .. escape(value) end
    table.sort(out)
    return table.concat(out, "&")
end

-- Calls a script's web hook: { status, headers, body }. Signed as the script
-- wants it, unless the header for that is given.
function World:webhook(name, request) -- luacheck: no self
    request = request or {}
    local headers, body = {}, request.body
    for key, value in pairs(request.headers or {}) do headers[key:lower()] = tostring(value) end
    if request.json ~= nil then
        body = core.json_encode(request.json)
        headers["content-type"] = headers["content-type"] or "application/json"
    end
    local head, text = core.world_webhook(name, core.json_encode({
        method = request.method, query = query_text(request.query), headers = headers,
    }), body or "")
    local answer = core.json_decode(head)
    answer.body = text
    return answer
end

-- True, or nil and the report of the refusal.
function World:reload(source)
    local refused, report = core.world_reload(source)
    self.refusal = refused and report
    if refused then return nil, report end
    return true
end

-- Why the script did not load: the last refused reload, or what the log says
-- of the first load. nil: it did.
function World:load_error()
    local found = self.refusal or nil
    for _, line in ipairs(self:log("error")) do found = found or line.text end
    if found then self:log("warn") end
    self.refusal = false
    return found
end

function World:restart(opts) -- luacheck: no self
    core.world_restart(opts and opts.crash or false)
end

-- ---- rooms --------------------------------------------------------------------

function Room:say(user_id, body, content)
    local sent = { msgtype = "m.text", body = body }
    for key, value in pairs(content or {}) do sent[key] = value end
    return control("send", self.room_id, user_id, "m.room.message", sent).event_id
end

local function id_of(event)
    return type(event) == "table" and event.event_id or event
end

function Room:react(user_id, event, key)
    return control("send", self.room_id, user_id, "m.reaction", { ["m.relates_to"] = {
        rel_type = "m.annotation", event_id = id_of(event), key = key,
    } }).event_id
end

function Room:edit(user_id, event, body)
    local new = { msgtype = "m.text", body = body }
    return control("send", self.room_id, user_id, "m.room.message", {
        msgtype = "m.text", body = "* " .. body, ["m.new_content"] = new,
        ["m.relates_to"] = { rel_type = "m.replace", event_id = id_of(event) },
    }).event_id
end

function Room:redact(user_id, event, reason)
    return control("redact", self.room_id, user_id, id_of(event), reason).event_id
end

function Room:join(user_id)
    return control("join", self.room_id, user_id).event_id
end

function Room:leave(user_id)
    return control("member", self.room_id, user_id, user_id, "leave").event_id
end

function Room:invite(user_id, target)
    return control("member", self.room_id, user_id, target or self.world.user_id,
        "invite").event_id
end

-- The content of a state event; with content, sets it.
function Room:state(kind, content, state_key)
    if type(content) == "table" then
        return control("set_state", self.room_id, kind, content, state_key).event_id
    end
    return control("get_state", self.room_id, kind, content).content
end

-- "join", "leave", "ban", "invite" or nil.
function Room:membership(user_id)
    return control("membership", self.room_id, user_id).membership
end

-- ---- what happened --------------------------------------------------------------

local function relation(event)
    local relates = event.content["m.relates_to"]
    if type(relates) ~= "table" then return nil end
    return relates.rel_type, relates.event_id
end

-- The bot's messages as people see them now: edits in place, what was
-- redacted left out. Each: body, event_id, type, content, edited.
function Room:sent()
    local out, by_id = {}, {}
    for _, event in ipairs(control("timeline", self.room_id)) do
        local kind, target = relation(event)
        local content = event.content
        local said = event.sender == self.world.user_id and event.type == "m.room.message"
            and content.body ~= nil
        local edited = kind == "m.replace" and by_id[target]
        if said and edited then
            edited.content = content["m.new_content"] or content
            edited.body, edited.edited = edited.content.body, true
        elseif said and kind ~= "m.replace" then
            by_id[event.event_id] = { body = content.body, content = content, type = event.type,
                event_id = event.event_id }
            out[#out + 1] = by_id[event.event_id]
        end
    end
    return out
end

-- The newest of them; nil when there is none.
function Room:last()
    local sent = self:sent()
    return sent[#sent]
end

-- All events of the room, oldest first.
function Room:events()
    return control("timeline", self.room_id)
end

local function describe(event)
    local content = event.content
    if event.type == "m.room.message" then
        local _, target = relation(event)
        local what = content["m.new_content"] and ("edits %s: "):format(target) or ""
        local body = (content["m.new_content"] or content).body
        return what .. (body and body:gsub("\n", "\n        ") or "(redacted)")
    elseif event.type == "m.room.member" then
        return ("-- %s is %s"):format(event.state_key, tostring(content.membership))
    elseif event.type == "m.reaction" then
        return ("reacts %s"):format((content["m.relates_to"] or {}).key or "")
    end
    return "-- " .. event.type
end

-- What people see, as text.
function Room:transcript()
    local out = { self.room_id }
    for _, event in ipairs(control("timeline", self.room_id)) do
        local begun = event.type == "m.room.member" or not event.state_key
        if begun then out[#out + 1] = ("    %s  %s"):format(event.sender, describe(event)) end
    end
    return table.concat(out, "\n")
end

-- ---- names ----------------------------------------------------------------------

-- An unknown name is a mistake in a test, and told as one.
local function close(methods, class)
    local names = description.names(class)
    for name in pairs(methods) do description.entry(class, name) end
    function methods.__index(_, key)
        local method = methods[key]
        if method == nil and not names[key] then
            error(("%s has no '%s'%s"):format(description.objects[class], tostring(key),
                suggest.hint(tostring(key), names)), 2)
        end
        return method
    end
end

close(World, "World")
close(Room, "TestRoom")

return M
