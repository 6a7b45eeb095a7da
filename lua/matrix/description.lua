-- Every name of the API, once, as plain data: argument checks, suggestions,
-- `lunatrix check` and the reference pages are made from it.
--
-- method/func { class, name, where = "load" | "task" | "any", waits,
--     summary, params = { { name, type, text [, fields = {...}] [, takes = "ev: Event"] } },
--     returns = { { name, type [, text] } }, fails = { ... }, example = "..." }
-- field { class, name, type, summary }       record { name, fields }
--
-- A name that ends in "?" may be left out. Types: Lua's, "integer", "any",
-- "duration", a class, a record, alternatives "a|b", lists "string[]".
-- method: called with a colon; func: with a dot. What waits returns nil, err
-- when the world says no; `fails` names what is worth knowing.

local core = ...

local M = { entries = {}, records = {}, classes = {}, stage = 1 }

local index = {}  -- class -> name -> entry

local function add(kind, entry)
    entry.kind, entry.stage = kind, entry.stage or 1
    entry.params = entry.params or {}
    for _, param in ipairs(entry.params) do
        param.optional = param[1]:sub(-1) == "?"
    end
    entry.method = kind == "method"
    local object = M.objects[entry.class] or entry.class
    entry.title = object .. (entry.method and ":" or ".") .. entry.name
    index[entry.class] = index[entry.class] or {}
    assert(not index[entry.class][entry.name], entry.title)
    index[entry.class][entry.name] = entry
    M.entries[#M.entries + 1] = entry
end

-- What a class is called where it is used.
M.objects = {
    bot = "bot", matrix = "matrix", Event = "ev", Room = "room", User = "user", Member = "member",
    Client = "client", Batch = "batch", Store = "bot.store", Handle = "handle", Job = "job",
    Task = "task", Response = "res", Error = "err", Secret = "secret", Request = "req",
    test = "t", World = "w", TestRoom = "room",
}

local to = {
    method = function(e) add("method", e) end,
    func = function(e) add("func", e) end,
    field = function(e) add("field", e) end,
    record = function(e) M.records[e.name] = e.fields end,
    -- fields("Event", { { name, type, summary }, ... })
    fields = function(class, list)
        for _, f in ipairs(list) do
            add("field", { class = class, name = f[1], type = f[2], summary = f[3] })
        end
    end,
}

local names = {}  -- class -> name -> true

local files = {}  -- that were added

-- Adds what describe_<file>.lua has, once.
function M.extend(file)
    if files[file] then return end
    files[file] = true
    core.require("describe_" .. file)(to)
    for class, entries in pairs(index) do
        if not names[class] then M.classes[#M.classes + 1] = class end
        names[class] = {}
        for name in pairs(entries) do names[class][name] = true end
    end
    table.sort(M.classes)
end

for _, file in ipairs({ "bot", "event", "room", "client", "matrix", "text" }) do
    M.extend(file)
end

-- The set of a class's names.
function M.names(class)
    return names[class] or error("no class " .. tostring(class))
end

-- An entry; what has none is a mistake in the library.
function M.entry(class, name)
    return index[class] and index[class][name]
        or error(("%s.%s is not described"):format(class, name))
end

function M.find(class, name)
    return index[class] and index[class][name]
end

core.require("check").set_records(M.records)

return M
