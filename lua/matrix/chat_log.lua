-- The messages of a room in `lunatrix try`: their numbers, what they say by
-- now, how often which reaction was given.

local Log = {}
Log.__index = Log

local M = {}

function M.new()
    return setmetatable({
        shown = 0,      -- events so far
        by_id = {},     -- event ID -> event as it is by now
        ids = {},       -- number -> event ID, of messages
        numbers = {},   -- the other way round
        edits = {},     -- event ID -> ID of the newest edit
        counts = {},    -- event ID .. key -> count
        reactions = {}, -- event ID of a reaction -> { target, key }
        state = {},     -- type .. key -> content
    }, Log)
end

-- A field of what may be anything.
local function field(value, name)
    return type(value) == "table" and value[name] or nil
end
M.field = field

-- rel_type and event ID of what an event relates to.
function M.relation(event)
    local relates = event.content["m.relates_to"]
    return field(relates, "rel_type"), field(relates, "event_id")
end

-- The event that it answers, for the eye: not what only old clients see so.
function M.answers(event)
    local relates = event.content["m.relates_to"]
    if field(relates, "rel_type") == "m.thread" and field(relates, "is_falling_back") then
        return nil
    end
    return field(field(relates, "m.in_reply_to"), "event_id")
end

-- All events of the room; those after `shown` are still to be taken.
function Log:refresh(events)
    for _, event in ipairs(events) do self.by_id[event.event_id] = event end
end

function Log:count(target, key)
    return self.counts[target .. "\0" .. key] or 0
end

function Log:add_count(target, key, by)
    self.counts[target .. "\0" .. key] = self:count(target, key) + by
end

local TAKE = {}

TAKE["m.room.message"] = function(log, event)
    local kind, target = M.relation(event)
    if kind == "m.replace" and target then
        log.edits[target] = event.event_id
    else
        table.insert(log.ids, event.event_id)
        log.numbers[event.event_id] = #log.ids
    end
end
TAKE["m.sticker"] = TAKE["m.room.message"]

TAKE["m.reaction"] = function(log, event)
    local _, target = M.relation(event)
    local key = field(event.content["m.relates_to"], "key")
    if type(target) ~= "string" or type(key) ~= "string" then return end
    log.reactions[event.event_id] = { target = target, key = key }
    log:add_count(target, key, 1)
end

TAKE["m.room.redaction"] = function(log, event)
    local reaction = log.reactions[event.redacts]
    if reaction then log:add_count(reaction.target, reaction.key, -1) end
end

-- The next event, in order. Of state: the content before.
function Log:take(event)
    self.shown = self.shown + 1
    if TAKE[event.type] then TAKE[event.type](self, event) end
    if not event.state_key then return nil end
    local key = event.type .. "\0" .. event.state_key
    local before = self.state[key]
    self.state[key] = event.content
    return before
end

-- What a message says by now; nil when it was redacted, or is not known.
function Log:content(event_id)
    local event = self.by_id[event_id]
    local edit = self.by_id[self.edits[event_id]]
    if not event or not event.content.body then return nil end
    local new = edit and edit.content["m.new_content"]
    return type(new) == "table" and new or event.content
end

-- The last message, of that person when one is named, that can still be read.
function Log:last(user_id)
    for i = #self.ids, 1, -1 do
        local event = self.by_id[self.ids[i]]
        if event.content.body and (not user_id or event.sender == user_id) then return event end
    end
end

-- The first message of the thread that an event is in, or could begin.
function Log:thread(event)
    local kind, root = M.relation(event)
    return kind == "m.thread" and self.by_id[root] or event
end

return M
