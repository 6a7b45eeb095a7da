-- `rerun = true` of a command: when its message is edited it runs again and its
-- answers are edited; when the message is redacted, so are the answers.
--
-- What a call was answered with is kept per room in the script's store, as a
-- list, oldest first: { id, sender, at, thread, reply_to,
-- answers = { { id, users } or, of a reaction, { id, key } } }.

local core = ...
local event = core.require "event"
local lock = core.require "lock"
local log = core.require "log"
local message = core.require "message"
local post = core.require("room_call").post

local M = {}

local SPACE = "rerun"
local CALLS = 32         -- of a room
local ANSWERS = 16       -- of a call
local KEPT = 7 * 86400

-- ---- what is kept ----

local function read(room_id)
    local row = core.call("store.get", { space = SPACE, key = room_id })
    return row and row.value or {}
end

local function place_of(calls, id)
    for i, call in ipairs(calls) do
        if call.id == id then return i end
    end
    return nil
end

-- The call that message was, when it is still known.
local function find(room_id, id)
    local calls = read(room_id)
    local call = calls[place_of(calls, id)]
    return call and core.now() - call.at < KEPT and call or nil
end

-- A script whose store is full answers all the same.
local function write(room_id, calls)
    local ok, why = core.call("store.set", {
        space = SPACE, key = room_id, ttl = KEPT, value = setmetatable(calls, core.array_metatable),
    })
    if not ok then log.write("warn", ("cannot remember what was answered: %s"):format(why)) end
end

local function save(room_id, call)
    local calls = read(room_id)
    calls[place_of(calls, call.id) or #calls + 1] = call
    while #calls > CALLS do table.remove(calls, 1) end
    write(room_id, calls)
end

local function forget(room_id, call)
    local calls = read(room_id)
    local at = place_of(calls, call.id)
    if at then
        table.remove(calls, at)
        write(room_id, calls)
    end
end

-- ---- a run: what it answers, beside what was answered before ----

local function users_of(content)
    local mentions = content["m.mentions"]
    return type(mentions) == "table" and mentions.user_ids or nil
end

-- The next answer of an earlier run that this one has not made yet.
local function next_answer(run, key)
    for _, answer in ipairs(run.call.answers) do
        if answer.key == key and not run.made[answer] then return answer end
    end
    return nil
end

-- The key of a reaction; nil for a message.
local function key_of(kind, content)
    return kind == "m.reaction" and content["m.relates_to"].key or nil
end

local function send_new(run, answer, room, kind, content, opts)
    local sent, err = post(room, kind, content, opts)
    if not sent then return nil, err end
    local answers = run.call.answers
    if not answer and #answers < ANSWERS then
        answer = {}
        answers[#answers + 1] = answer
    end
    if answer then
        answer.id, answer.key = sent.event_id, key_of(kind, content)
        answer.users = users_of(content)
        run.made[answer] = true
        save(room.room_id, run.call)
    end
    return sent
end

local function send_edit(run, answer, room, kind, content, opts)
    local edit = message.replacement(content, answer.id, answer.users)
    -- A txn_id of the script's own stands for the first answer.
    local sent, err = post(room, kind, edit, { timeout = opts.timeout })
    if not sent then return nil, err end
    answer.users = users_of(content)
    save(room.room_id, run.call)
    return event.sent(room, answer.id, kind, content)
end

-- In place of a plain send, for replies and reactions.
local function send(run, room, kind, content, opts)
    if run.over then return post(room, kind, content, opts) end
    local key = key_of(kind, content)
    local answer = next_answer(run, key)
    if answer then run.made[answer] = true end
    -- A handler that is repeated sends what it sent, under the same IDs.
    if not answer or not run.again then
        return send_new(run, answer, room, kind, content, opts)
    end
    if key then return event.sent(room, answer.id, kind, content) end
    return send_edit(run, answer, room, kind, content, opts)
end

-- What earlier runs answered and this one did not goes away.
local function withdraw(run, room)
    local left = {}
    for _, answer in ipairs(run.call.answers) do
        if run.made[answer] or not room:redact(answer.id) then left[#left + 1] = answer end
    end
    if #left < #run.call.answers then
        run.call.answers = left
        save(room.room_id, run.call)
    end
end

-- One run of a message at a time; a second edit waits for the first.
local function in_line(event_id, fn)
    return lock.lock(nil, "\0rerun\0" .. event_id:sub(-200), fn)
end

local function go(call, again, ev, fn)
    local run = { call = call, again = again, made = {} }
    event.send_with(ev, function(...) return send(run, ...) end)
    local _ <close> = setmetatable({}, { __close = function() run.over = true end })
    fn(ev)
    withdraw(run, ev.room)
end

-- ---- what happens to a message ----

-- ev is such a command: fn(ev) runs it.
function M.first(ev, fn)
    return in_line(ev.event_id, function()
        local call = find(ev.room_id, ev.event_id) or {
            id = ev.event_id, sender = ev.sender, at = core.now(),
            thread = ev.thread_id, reply_to = ev.reply_to_id, answers = {},
        }
        save(ev.room_id, call)
        go(call, false, ev, fn)
    end)
end

-- The message as it reads after the edit: at the time of the edit, in the
-- place of the original.
local function edited_message(ev, call)
    local content = {}
    for key, value in pairs(ev.new_content) do content[key] = value end
    content["m.relates_to"] = message.relation(call.thread, call.reply_to)
    return event.new({
        event_id = call.id, type = ev.type, sender = ev.sender, content = content,
        origin_server_ts = ev.origin_server_ts, unsigned = ev.unsigned,
    }, { room_id = ev.room_id, own = false, redelivered = ev.redelivered, attempt = ev.attempt })
end

-- ev is an edit: fn gets the message as it is now when it was such a command,
-- and runs it if it still is one.
function M.edited(ev, fn)
    local id = ev.target_id
    local known = id and find(ev.room_id, id)
    if not known or known.sender ~= ev.sender then return end
    if not ev.new_content or ev.new_content.msgtype == "m.notice" then return end
    in_line(id, function()
        local call = find(ev.room_id, id)  -- it may have been redacted meanwhile
        if call then go(call, true, edited_message(ev, call), fn) end
    end)
end

-- ev is a redaction.
function M.redacted(ev)
    local id = ev.target_id
    if not id or not find(ev.room_id, id) then return end
    in_line(id, function()
        local call = find(ev.room_id, id)
        if not call then return end
        for _, answer in ipairs(call.answers) do ev.room:redact(answer.id) end
        forget(ev.room_id, call)
    end)
end

return M
