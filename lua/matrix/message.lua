-- From what a script sends (text, or a table) to the content of an event.

local core = ...

local M = {}

local FORMAT = "org.matrix.custom.html"

local function id_of(value, key)
    return type(value) == "table" and value[key] or value
end

local function mentions_of(list)
    local out, users, seen = {}, {}, {}
    for _, who in ipairs(list or {}) do
        local user_id = type(who) == "table" and (who.user_id or who.sender) or who
        if type(user_id) ~= "string" then
            core.raise("mentions: a list of user IDs, members or users expected")
        end
        if not seen[user_id] then
            seen[user_id] = true
            users[#users + 1] = user_id
        end
    end
    for key in pairs(list or {}) do
        if math.type(key) ~= "integer" and key ~= "room" then
            core.raise(("mentions: unknown field '%s': a list and `room` expected"):format(key))
        end
    end
    if #users > 0 then out.user_ids = setmetatable(users, core.array_metatable) end
    if list and list.room then out.room = true end
    return out
end

local function relation_of(thread, reply_to)
    if thread then
        return {
            rel_type = "m.thread", event_id = thread, is_falling_back = reply_to == nil,
            ["m.in_reply_to"] = { event_id = reply_to or thread },
        }
    end
    return reply_to and { ["m.in_reply_to"] = { event_id = reply_to } } or nil
end
M.relation = relation_of

local function html_of(x)
    if not x.markdown then return x.html end
    if x.html then core.raise("a message has html or markdown, not both") end
    return core.markdown(x.markdown)
end

-- body, formatted_body and msgtype of x into content. Markdown that is too long
-- to be read goes on as it is: such a send is refused for its length.
local function add_text(content, x, msgtype)
    local html = html_of(x)
    content.msgtype = x.msgtype or msgtype
    content.body = x.body or html and core.html_to_text(html) or x.markdown
    if html then
        content.format, content.formatted_body = FORMAT, html
    end
end

local function add_more(content, more)
    for key, value in pairs(more or {}) do content[key] = value end
    if type(content.body) ~= "string" then
        core.raise("a message needs body, html or markdown")
    end
    return content
end

local function as_table(x)
    return type(x) == "string" and { body = x } or x
end

-- options of the call that sends x: txn_id and timeout.
function M.options(x, opts)
    local o = type(x) == "table" and x or {}
    return { txn_id = o.txn_id, timeout = opts and opts.timeout or o.timeout }
end

-- The root of the thread that x asks for, if any.
function M.thread(x)
    local thread = type(x) == "table" and x.thread or nil
    if type(thread) == "table" then return thread.thread_id or thread.event_id end
    return thread
end

-- default: { msgtype, reply_to, thread, mentions } for what x leaves out.
function M.build(x, default)
    x = as_table(x)
    local content = {}
    local reply_to = id_of(x.reply_to or default.reply_to, "event_id")
    local thread = M.thread(x)
    add_text(content, x, default.msgtype)
    content["m.relates_to"] = relation_of(thread or default.thread, reply_to)
    content["m.mentions"] = mentions_of(x.mentions or default.mentions)
    return add_more(content, x.content)
end

-- Of the wanted mentions, those that the original did not have.
local function new_mentions(wanted, old)
    local had, out = {}, {}
    for _, user_id in ipairs(type(old.user_ids) == "table" and old.user_ids or {}) do
        had[user_id] = true
    end
    for _, user_id in ipairs(wanted.user_ids or {}) do
        if not had[user_id] then out[#out + 1] = user_id end
    end
    out.room = wanted.room and not old.room or nil
    return mentions_of(out)
end

local function old_mentions(original)
    local old = original["m.mentions"]
    return type(old) == "table" and old or {}
end

-- new in place of event_id; old: what that mentioned.
local function replacing(new, event_id, old)
    return {
        msgtype = new.msgtype,
        body = "* " .. new.body,
        format = new.format,
        formatted_body = new.formatted_body and "* " .. new.formatted_body,
        ["m.new_content"] = new,
        ["m.mentions"] = new_mentions(new["m.mentions"], old),
        ["m.relates_to"] = { rel_type = "m.replace", event_id = event_id },
    }
end

-- The content that puts what was built to be sent in place of event_id, which
-- mentioned those users.
function M.replacement(content, event_id, users)
    local new = {}
    for key, value in pairs(content) do new[key] = value end
    new["m.relates_to"] = nil
    new["m.mentions"] = old_mentions(content)
    return replacing(new, event_id, { user_ids = users })
end

-- The content that replaces the text of event_id, whose content was original.
function M.build_edit(x, event_id, original)
    x = as_table(x)
    if x.reply_to or x.thread then
        core.raise("an edit keeps what its event answers, and its thread")
    end
    local old = old_mentions(original)
    local new = {}
    add_text(new, x, type(original.msgtype) == "string" and original.msgtype or "m.text")
    new["m.mentions"] = x.mentions and mentions_of(x.mentions) or old
    add_more(new, x.content)
    return replacing(new, event_id, old)
end

return M
