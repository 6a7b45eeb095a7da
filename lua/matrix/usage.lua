-- Usage strings of commands: "name sub <required> [n:type=default] [rest...]".

local core = ...
local date = core.require "date"
local suggest = core.require "suggest"
local time = core.require "time"
local uri = core.require "uri"

local M = {}

-- name -> function(text) giving the value, or nil and what was expected
local types = {}
M.types = types

function types.string(text)
    return text
end

function types.int(text)
    if #text > 20 or not text:find("^[+-]?%d+$") then return nil, "a whole number" end
    local value = math.tointeger(tonumber((text:gsub("^%+", ""))))
    if value then return value end
    return nil, "a whole number"
end

function types.number(text)
    local plain = #text < 64 and text:find("^[+-]?[%d.]") and not text:find("[xX]")
    local value = plain and tonumber(text)
    if value and value == value and math.abs(value) < math.huge then return value end
    return nil, "a number"
end

local truth = {
    ["true"] = true, yes = true, on = true, ["1"] = true,
    ["false"] = false, no = false, off = false, ["0"] = false,
}

function types.bool(text)
    local value = truth[text:lower()]
    if value ~= nil then return value end
    return nil, "yes or no"
end

function types.duration(text)
    local value = time.parse(text)
    if value then return value end
    return nil, "a duration like 90s, 10m or 1h30m"
end

-- The ID in a matrix.to link or matrix: URI, or text itself; and the event.
local function unlinked(text)
    local link = uri.parse(text:match("^<?([^>]*)"))
    if not link then return text end
    return link.user_id or link.room_id or link.alias or text, link.event_id
end
M.unlinked = unlinked

function types.user(text)
    local id = unlinked(text)
    if id:find("^@[^:\0]*:[^%s]+$") then return id end
    return nil, "a user, as @name:server or a mention"
end

function types.room(text)
    local id = unlinked(text)
    if id:find("^![^%s]+$") or id:find("^#[^%s]*:[^%s]+$") then return id end
    return nil, "a room, as !id or #alias:server"
end

-- $id, or a link to an event.
function types.event(text)
    local link = uri.parse(text:match("^<?([^>]*)"))
    local id = link and link.event_id or text
    if id:find("^%$[^%s%c]+$") then return id end
    return nil, "an event, as $id, a link or by a reply to it"
end

-- Seconds since 1970; without a zone it is UTC.
function types.date(text)
    local seconds = date.parse(text)
    if seconds then return seconds end
    return nil, "a date like 2026-12-24 or 2026-12-24T18:30"
end

function types.url(text)
    local url = text:match("^<?([^>]*)")
    if url:find("^[hH][tT][tT][pP][sS]?://[^%s%c/]+") and not url:find("[%s%c]") then return url end
    return nil, "a web address, as https://example.org"
end

local function word_list(words)
    local known = {}
    for word in (words .. "|"):gmatch("(.-)|") do
        if word == "" or word:find("%s") then return nil end
        known[#known + 1] = word
    end
    return known
end

-- The converter of a type as written in a usage string; raises.
local function converter(kind, usage)
    if types[kind] then return types[kind] end
    local words = kind:find("|", 1, true) and word_list(kind)
    if not words then
        core.raise(("usage '%s': there is no type '%s'%s"):format(
            usage, kind, suggest.hint(kind, types)))
    end
    local expected = table.concat(words, ", ", 1, #words - 1) .. " or " .. words[#words]
    return function(text)
        for _, word in ipairs(words) do
            if word:lower() == text:lower() then return word end
        end
        return nil, expected
    end, words
end

-- The function(text) behind a type, or nil and what is wrong with it.
function M.converter(kind)
    local ok, convert = pcall(converter, kind, kind)
    if ok then return convert end
    return nil, ("there is no type '%s'%s"):format(kind, suggest.hint(kind, types))
end

local function read_argument(usage, inner, required)
    local arg = { required = required, written = inner }
    local name, kind, default = inner:match("^([%a_][%w_]*):([^=]+)=(.*)$")
    if not name then name, kind = inner:match("^([%a_][%w_]*):([^=]+)$") end
    if not name then name, default = inner:match("^([%a_][%w_]*)=(.*)$") end
    if not name then
        name = inner:match("^([%a_][%w_]*)%.%.%.$")
        arg.rest = name ~= nil
    end
    name = name or inner:match("^([%a_][%w_]*)$")
    if not name then core.raise(("usage '%s': cannot read '%s'"):format(usage, inner)) end
    arg.name, arg.type = name, kind or "string"
    arg.convert, arg.words = converter(arg.type, usage)
    if default then
        if required then
            core.raise(("usage '%s': <%s> is required, so it has no default"):format(usage, inner))
        end
        local value, expected = arg.convert(default)
        if value == nil then
            core.raise(("usage '%s': the default of '%s' must be %s"):format(usage, name, expected))
        end
        arg.default = value
    end
    return arg
end

local function check_order(usage, args)
    local seen, optional = {}, nil
    for i, arg in ipairs(args) do
        if seen[arg.name] then
            core.raise(("usage '%s': two arguments are named '%s'"):format(usage, arg.name))
        end
        seen[arg.name] = true
        if arg.rest and i < #args then
            core.raise(("usage '%s': '%s...' must be the last"):format(usage, arg.name))
        end
        if arg.required and optional then
            core.raise(("usage '%s': <%s> is required, and comes after [%s]"):format(
                usage, arg.name, optional))
        end
        optional = optional or not arg.required and arg.name or nil
    end
end

local CLOSE = { ["<"] = ">", ["["] = "]" }

-- { text, words = { "poll", "close" }, args = { { name, type, convert,
-- required, default, rest, words } } }; raises for what cannot be read.
function M.parse(text)
    local out = { text = text, words = {}, args = {} }
    local at = 1
    while true do
        at = text:match("^%s*()", at)
        if at > #text then break end
        local open = text:sub(at, at)
        if CLOSE[open] then
            local close = text:find(CLOSE[open], at, true)
            if not close then core.raise(("usage '%s': '%s' is not closed"):format(text, open)) end
            out.args[#out.args + 1] = read_argument(text, text:sub(at + 1, close - 1), open == "<")
            at = close + 1
        else
            local word = text:match("^[^%s<>%[%]]+", at)
            if not word then
                core.raise(("usage '%s': '%s' is out of place"):format(text, open))
            end
            if #out.args > 0 then
                core.raise(("usage '%s': the word '%s' comes after an argument"):format(text, word))
            end
            out.words[#out.words + 1] = word
            at = at + #word
        end
    end
    if #out.words == 0 then core.raise(("usage '%s': a command needs a name"):format(text)) end
    check_order(text, out.args)
    return out
end

-- ---- the words of a call ----

local QUOTES = { ['"'] = '"', ["'"] = "'", ["\u{201c}"] = "\u{201d}", ["\u{201e}"] = "\u{201c}" }

-- Texts come from strangers, up to 64 KB: nothing here may take more than
-- linear time, which rules out patterns that look for their end from every
-- place.

-- The quoted text at `at`, and where it ends; nil when it is not closed
-- before white space or the end. open_quotes remembers what is not closed.
local function quoted(text, at, open_quotes)
    local open = text:match("^" .. utf8.charpattern, at)
    local close = QUOTES[open]
    if not close or open_quotes[close] then return nil end
    local from = at + #open
    local i = from
    while true do
        local stop = text:find(close, i, true)
        if not stop then
            open_quotes[close] = true
            return nil
        end
        local after = text:sub(stop + #close, stop + #close)
        if text:sub(stop - 1, stop - 1) == "\\" then
            i = stop + #close
        elseif after == "" or after:find("%s") then
            local inner = text:sub(from, stop - 1):gsub("\\([\"'\\])", "%1")
            return inner, stop + #close
        else
            i = stop + #close
        end
    end
end

-- The word at `at` (no white space there): text and where it ends. pills:
-- list of { from, to, id, event_id }, spans of text that stand for an ID.
local function word_at(text, at, pills, open_quotes)
    for _, pill in ipairs(pills or {}) do
        if pill.from == at then
            local stop = text:match("^[:,]?()", pill.to + 1)
            return pill.id, stop, pill.event_id
        end
    end
    local inner, stop = quoted(text, at, open_quotes)
    if inner then return inner, stop end
    local word = text:match("^%S+", at)
    return word, at + #word
end

local function skip(text, at)
    return text:match("^%s*()", at)
end

-- All words from `at` on.
local function split_words(text, at, pills)
    local list, open_quotes = setmetatable({}, core.array_metatable), {}
    at = skip(text, at)
    while at <= #text do
        local word
        word, at = word_at(text, at, pills, open_quotes)
        list[#list + 1] = word
        at = skip(text, at)
    end
    return list
end

local function missing(arg)
    return ("%s is missing"):format(arg.name)
end

local function read_rest(text, at, pills, split)
    if split then return split_words(text, at, pills) end
    local last = #text
    while text:find("^%s", last) do last = last - 1 end
    return text:sub(at, last)
end

-- One argument at `at`: its value and where the rest begins, or nil and why.
local function read_one(arg, text, at, pills, reply_to_id)
    local word, stop, event_id = word_at(text, at, pills, {})
    if arg.type == "event" then word = event_id or word end
    local value, expected = arg.convert(word)
    if value ~= nil then return value, skip(text, stop) end
    -- A reply says which event is meant; this word is the next argument's.
    if arg.type == "event" and reply_to_id then return reply_to_id, at end
    return nil, ("%s must be %s, not '%s'"):format(arg.name, expected, word)
end

-- The arguments of a call: a table by name, or nil and the reason.
-- reply_to_id: what the call is a reply to; it fills a missing event.
function M.read(parsed, text, at, pills, split, reply_to_id)
    local out = {}
    at = skip(text, at)
    for _, arg in ipairs(parsed.args) do
        if at > #text then
            local filled = arg.type == "event" and reply_to_id
            if arg.required and not filled then return nil, missing(arg) end
            out[arg.name] = filled or arg.default
        elseif arg.rest then
            out[arg.name] = read_rest(text, at, pills, split)
            at = #text + 1
        else
            local value, after = read_one(arg, text, at, pills, reply_to_id)
            if value == nil then return nil, after end
            out[arg.name], at = value, after
        end
    end
    if at <= #text then
        return nil, ("too many arguments: '%s'"):format(text:sub(at))
    end
    return out
end

return M
