-- Commands: which message is one, its arguments, who may call it, and help.

local core = ...
local access = core.require "access"
local account = core.require "account"
local check = core.require "check"
local context = core.require "context"
local help = core.require "help"
local rerun = core.require "rerun"
local time = core.require "time"
local usage = core.require "usage"

local M = {}

local commands = {}  -- handler id -> command
local order = {}     -- handler ids, by number of words, longest first

local function list_of(value)
    if type(value) == "string" then return { value } end
    return value or {}
end

local function words_of(text)
    local words = {}
    for word in text:gmatch("%S+") do words[#words + 1] = word:lower() end
    return words
end

-- ---- registering ----

local function names_of(command)
    local names = { words_of(table.concat(command.parsed.words, " ")) }
    for _, alias in ipairs(command.aliases) do
        local words = words_of(alias)
        if #words == 0 then core.raise("bot:command: an alias is empty") end
        names[#names + 1] = words
    end
    return names
end

local function same_words(a, b)
    return table.concat(a, " ") == table.concat(b, " ")
end

local function refuse_doubles(command)
    for _, id in ipairs(order) do
        for _, theirs in ipairs(commands[id].names) do
            for _, ours in ipairs(command.names) do
                if same_words(ours, theirs) then
                    core.raise(("bot:command: there is a command '%s' already"):format(
                        table.concat(ours, " ")))
                end
            end
        end
    end
end

local function longest(command)
    local most = 0
    for _, words in ipairs(command.names) do most = math.max(most, #words) end
    return most
end

local function insert(command)
    commands[command.id] = command
    order[#order + 1] = command.id
    table.sort(order, function(a, b)
        local x, y = longest(commands[a]), longest(commands[b])
        return x > y or x == y and a < b
    end)
end

-- First words of the aliases, as the host wants them.
local function alias_words(command)
    local out, seen = {}, { [command.names[1][1]] = true }
    for _, words in ipairs(command.names) do
        if not seen[words[1]] then
            seen[words[1]] = true
            out[#out + 1] = words[1]
        end
    end
    return setmetatable(out, core.array_metatable)
end

-- bot:command; id is the handler's number.
function M.register(id, text, options, fn)
    if type(options) == "string" then options = { help = options } end
    options = options or {}
    local wrong = check.type("CommandOptions", options)
    if wrong then core.raise("bot:command: " .. wrong) end
    local command = {
        id = id, fn = fn, options = options, parsed = usage.parse(text),
        aliases = list_of(options.aliases), rooms = list_of(options.rooms), last = {},
        cooldown = time.seconds(options.cooldown),
    }
    for _, room in ipairs(command.rooms) do account.check_room("bot:command: rooms", room) end
    command.names = names_of(command)
    refuse_doubles(command)
    assert(core.call("script.command", {
        id = id, name = command.names[1][1], aliases = alias_words(command), usage = text,
        help = options.help, hidden = options.hidden == true, where = context.place(),
        details = help.details(options, command.names, command.rooms, command.cooldown),
    }))
    insert(command)
end

function M.remove(id)
    commands[id] = nil
    for i, other in ipairs(order) do
        if other == id then
            table.remove(order, i)
            return
        end
    end
end

function M.get(id)
    return commands[id]
end

-- ---- which message is a command ----

local PILLS = 20  -- looked at in one message

-- An iterator over the links in html: href and inner HTML. In linear time,
-- whatever the html is.
local function links(html)
    local at = 1
    return function()
        while true do
            local from = html:find("<a", at, true)
            local stop = from and html:find(">", from, true)
            local close = stop and html:find("</a>", stop, true)
            if not close then return nil end
            local href = html:sub(from, stop):match('^<a%s[^>]-href=["\']([^"\']*)')
            at = close + 4
            if href then return href, html:sub(stop + 1, close - 1) end
        end
    end
end

-- Where text that is shown for a link stands in the body; some clients write
-- Markdown there: [text](address).
local function find_shown(body, text, at)
    local from, to = body:find(text, at, true)
    if not from then return nil end
    local link = body:match("^%]%([^%s)]*%)()", to + 1)
    if link and body:sub(from - 1, from - 1) == "[" then return from - 1, link - 1 end
    return from, to
end

-- Texts in the body that stand for a user or room, by the links in html.
function M.pills(body, html)
    local pills, at, seen = {}, 1, 0
    for href, inner in links(html or "") do
        seen = seen + 1
        if seen > PILLS then break end
        local id, event_id = usage.unlinked(core.html_unescape(href))
        local text = id:find("^[@!#]") and core.html_to_text(inner) or ""
        local from, to
        if text ~= "" then from, to = find_shown(body, text, at) end
        if from then
            pills[#pills + 1] = { from = from, to = to, id = id, event_id = event_id }
            at = to + 1
        end
    end
    return pills
end

local function after_prefix(body, prefix)
    if prefix == "" or body:sub(1, #prefix):lower() ~= prefix:lower() then return nil end
    local at = #prefix + 1
    if prefix:find("%w$") then return body:match("^%s+()", at) end
    return at
end

local function starts_with_name(body, name)
    if not name or name == "" then return nil end
    if body:sub(1, #name):lower() ~= name:lower() then return nil end
    return body:match("^[:,]?%s+()", #name + 1)
end

-- Where the call begins when the bot is addressed by pill, ID or name.
local function after_mention(ev, body, pills)
    local me = account.user_id()
    if not me then return nil end
    if pills[1] and pills[1].from == 1 and pills[1].id == me then
        return body:match("^[:,]?%s*()", pills[1].to + 1)
    end
    local content = ev.room:state("m.room.member", me)
    return starts_with_name(body, me)
        or starts_with_name(body, content and type(content.displayname) == "string"
            and content.displayname or nil)
end

-- Where a command may begin in the body; nil: nowhere. The second result is
-- true when the message says that it is meant for the bot.
local function beginning(ev, body, pills)
    local prefix = account.info().prefix or "!"
    local at = after_prefix(body, prefix)
    if at then return at, true end
    at = after_mention(ev, body, pills)
    if at then
        local inner = after_prefix(body:sub(at), prefix)
        return inner and at + inner - 1 or at, true
    end
    return ev.is_direct and 1 or nil, false
end

-- Does the text at `at` begin with those words? Where they end.
local function match_words(body, at, words)
    for _, word in ipairs(words) do
        local from, to = body:match("^%s*()%S+()", at)
        if not from or body:sub(from, to - 1):lower() ~= word then return nil end
        at = to
    end
    return at
end

local function find_command(ev, body, at)
    local best, stop, most
    for _, id in ipairs(order) do
        local command = commands[id]
        for _, words in ipairs(command.names) do
            local after = (not most or #words > most) and match_words(body, at, words)
            if after and access.belongs_here(ev, command.rooms) then
                best, stop, most = command, after, #words
            end
        end
    end
    return best, stop
end

-- The commands that begin with this word, for a sub-command that is none.
local function find_group(ev, body, at)
    local word = (body:match("^%s*(%S+)", at) or ""):lower()
    local group = {}
    for _, id in ipairs(order) do
        local command = commands[id]
        if command.names[1][1] == word and access.belongs_here(ev, command.rooms) then
            group[#group + 1] = command
        end
    end
    table.sort(group, function(a, b) return a.id < b.id end)
    return #group > 0 and group or nil
end

local function resolve(ev)
    local body = ev.body
    if not body or #order == 0 then return nil end
    local pills = M.pills(body, ev.html)
    local at, addressed = beginning(ev, body, pills)
    if not at then return nil end
    local command, stop = find_command(ev, body, at)
    if command then
        return { id = command.id, command = command, body = body, at = stop, pills = pills }
    end
    local group = addressed and find_group(ev, body, at)
    if group then return { id = group[1].id, group = group } end
    local stop_of_help = match_words(body, at, { "help" })
    local all = stop_of_help and core.call("script.commands")
    if not all or not all.first then return nil end
    local text = help.answer(ev, all.commands, words_of(body:sub(stop_of_help)), addressed)
    return text and { id = math.min(table.unpack(order)), help = text }
end

local last = {}  -- the last message looked at: every command's handler asks

-- What a message calls: { id, ... } (run with M.run in that id's task), or
-- nil. May wait, for aliases in a command's `rooms`.
function M.resolve(ev)
    if ev.event_id == nil or ev.event_id ~= last.event_id then
        local found = resolve(ev)
        last = { event_id = ev.event_id, found = found }
    end
    return last.found
end

-- Does another script of the account take it as a command?
function M.is_others(ev)
    local body = ev.body
    local at = body and beginning(ev, body, M.pills(body, ev.html))
    local word = at and body:match("^%s*(%S+)", at)
    if not word then return false end
    word = word:lower()
    for _, row in ipairs(core.call("script.commands").commands) do
        if row.script ~= core.script then
            if row.name:lower() == word or word == "help" then return true end
            for _, alias in ipairs(row.aliases or {}) do
                if alias:lower() == word then return true end
            end
        end
    end
    return false
end

-- ---- running one ----

local function prefix()
    return account.info().prefix or "!"
end

local function usage_line(command)
    return ("usage: %s%s"):format(prefix(), command.parsed.text)
end

local function on_cooldown(command, ev)
    if not command.cooldown then return nil end
    local now = core.monotonic()
    for sender, time_of in pairs(command.last) do
        if now - time_of >= command.cooldown then command.last[sender] = nil end
    end
    local before = command.last[ev.sender]
    if not before then return nil end
    return ("wait %s before you call this again"):format(
        time.format(math.ceil(command.cooldown - (now - before))))
end

-- Why this sender may not call it here and now, or nil.
local function refusal(command, ev)
    return access.refusal(command.options, ev) or on_cooldown(command, ev)
end

-- Aliases among the arguments of type room become room IDs.
local function resolve_rooms(command, args)
    for _, arg in ipairs(command.parsed.args) do
        local value = args[arg.name]
        if arg.type == "room" and value and value:sub(1, 1) == "#" then
            local id = account.resolve(value)
            if not id then return ("%s: there is no room %s"):format(arg.name, value) end
            args[arg.name] = id
        end
    end
    return nil
end

local function read_arguments(call, ev)
    local command = call.command
    local args, reason = usage.read(command.parsed, call.body, call.at, call.pills,
        command.options.split, ev.reply_to_id)
    if not args then return nil, reason end
    reason = resolve_rooms(command, args)
    if reason then return nil, reason end
    if command.options.check then
        local ok, message = command.options.check(args)
        if not ok then return nil, tostring(message or "refused") end
    end
    return args
end

local function answer(ev, text)
    ev:reply(text)
end

local function run_command(call, ev)
    local command = call.command
    local refused = refusal(command, ev)
    if refused then return answer(ev, refused) end
    local args, reason = read_arguments(call, ev)
    if not args then return answer(ev, ("%s\n%s"):format(reason, usage_line(command))) end
    if command.cooldown then command.last[ev.sender] = core.monotonic() end
    return command.fn(ev, args)
end

local function run_group(group, ev)
    local lines = { "there is no such command; there is:" }
    for _, command in ipairs(group) do
        if not command.options.hidden and not access.refusal(command.options, ev) then
            lines[#lines + 1] = prefix() .. command.parsed.text
        end
    end
    return answer(ev, table.concat(lines, "\n"))
end

local function run(call, ev)
    if call.command then return run_command(call, ev) end
    if call.group then return run_group(call.group, ev) end
    return answer(ev, call.help)
end

-- Is it to run again when its message is edited?
local function reruns(call)
    for _, command in ipairs(call.group or { call.command }) do
        if command.options.rerun then return true end
    end
    return false
end

-- In the task of call.id.
function M.run(call, ev)
    if not reruns(call) then return run(call, ev) end
    return rerun.first(ev, function() return run(call, ev) end)
end

-- In the task of an edit: what is no such command any more is not run.
function M.edited(edit)
    rerun.edited(edit, function(ev)
        local call = resolve(ev)
        if call and reruns(call) then run(call, ev) end
    end)
end

return M
