-- matrix.uri: links to users, rooms and events, as https://matrix.to/#/... and
-- as matrix: URIs.

local core = ...

local M = {}

local function decode(text)
    return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- What an identifier is, by its sigil.
local function field_of(id)
    if id:find("[%s%c]") then return nil end
    if id:find("^@[^:]*:.") then return "user_id" end
    if id:find("^#[^:]*:.") then return "alias" end
    if id:find("^!.") then return "room_id" end
    return nil
end

-- The link to id (and event), or nil. query: "via=a&via=b&action=join".
local function made_of(id, event_id, query)
    local link, via = {}, setmetatable({}, core.array_metatable)
    local field = field_of(id)
    if not field or event_id and (field == "user_id" or not event_id:find("^%$[^%s%c]+$")) then
        return nil
    end
    link[field], link.event_id = id, event_id
    for key, value in query:gmatch("([^&=]+)=([^&]*)") do
        if key == "via" then
            via[#via + 1] = decode(value)
        elseif key == "action" then
            link.action = decode(value)
        end
    end
    link.via = #via > 0 and via or nil
    return link
end

-- ---- parsing ----

-- Some clients leave identifiers as they are: a slash in an event ID too.
local function parse_matrix_to(text)
    local path, query = text:match("^[Hh][Tt][Tt][Pp][Ss]?://matrix%.to/#/([^?]*)%??(.*)$")
    if not path then return nil end
    local id, event_id = path:match("^([^/]+)/(.+)$")
    return made_of(decode(id or path), event_id and decode(event_id), query)
end

local sigils = { u = "@", user = "@", r = "#", room = "#", roomid = "!" }

local function parse_matrix(text)
    local rest = text:match("^[Mm][Aa][Tt][Rr][Ii][Xx]:(.*)$")
    if not rest then return nil end
    rest = rest:gsub("^//[^/]*/", ""):gsub("#.*$", "")  -- an authority, a fragment: not for us
    local path, query = rest:match("^([^?]*)%??(.*)$")
    local kind, id, more = path:match("^(%l+)/([^/]+)(.*)$")
    local event_id = more and (more:match("^/e/([^/]+)$") or more:match("^/event/([^/]+)$"))
    if not sigils[kind] or more ~= "" and not event_id then return nil end
    return made_of(sigils[kind] .. decode(id), event_id and "$" .. decode(event_id), query)
end

-- A table with user_id, room_id or alias, and event_id, via, action; or nil.
function M.parse(text)
    return parse_matrix_to(text) or parse_matrix(text)
end

-- ---- formatting ----

local function encode(text)
    return (core.url_encode(text):gsub("%%3A", ":"))
end

-- The identifier in link, checked.
local function id_of(link)
    if type(link) == "string" then link = { [field_of(link) or "room_id"] = link } end
    local id
    for _, field in ipairs({ "user_id", "room_id", "alias" }) do
        if link[field] ~= nil then
            if id then core.raise("matrix.uri.format: one of user_id, room_id and alias") end
            id = link[field]
            if field_of(id) ~= field then
                core.raise(("matrix.uri.format: '%s' is no %s"):format(
                    id, field == "alias" and "alias" or field:gsub("_id", " ID")))
            end
        end
    end
    if not id then core.raise("matrix.uri.format: user_id, room_id or alias is needed") end
    return id
end

local function query_of(link)
    local parts = {}
    for _, server in ipairs(link.via or {}) do parts[#parts + 1] = "via=" .. encode(server) end
    if link.action then parts[#parts + 1] = "action=" .. encode(link.action) end
    return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

local letters = { ["@"] = "u", ["#"] = "r", ["!"] = "roomid" }

-- what: an ID or alias, or a table as parse gives it.
function M.format(what, opts)
    local scheme = opts and opts.scheme or "https"
    if scheme ~= "https" and scheme ~= "matrix" then
        core.raise('matrix.uri.format: scheme must be "https" or "matrix"')
    end
    local id = id_of(what)
    local link = type(what) == "table" and what or {}
    local event_id = link.event_id
    if event_id and (id:sub(1, 1) == "@" or not event_id:find("^%$[^%s%c]+$")) then
        core.raise(("matrix.uri.format: '%s' is no event ID of a room"):format(event_id))
    end
    if scheme == "https" then
        return "https://matrix.to/#/" .. core.url_encode(id)
            .. (event_id and "/" .. core.url_encode(event_id) or "") .. query_of(link)
    end
    return ("matrix:%s/%s"):format(letters[id:sub(1, 1)], encode(id:sub(2)))
        .. (event_id and "/e/" .. encode(event_id:sub(2)) or "") .. query_of(link)
end

M.library = { parse = M.parse, format = M.format }

return M
