-- runs in: lua5.4
-- The description and what is bound agree, in both directions.
local t = require "harness"
local world = require "world"

local w = world.new()
local core = w.core
local description = core.require "description"

-- class -> an object of it, as a script gets it
local function objects()
    w.calls["client.open"] = function() return { client = 1 } end
    w.calls["client.sync"] = function()
        return { next_batch = "n", initial = true, batch = 1 }
    end
    w.calls["http.request"] = function()
        return { status = 200, headers = {}, url = "x" }, "{}"
    end
    local room = w.bot:room(world.ROOM)
    return {
        bot = w.bot, matrix = w.matrix, Store = w.bot.store, Room = room,
        ["matrix.json"] = w.matrix.json, ["matrix.http"] = w.matrix.http,
        ["matrix.log"] = w.matrix.log, ["matrix.html"] = w.matrix.html,
        ["matrix.time"] = w.matrix.time, ["matrix.uri"] = w.matrix.uri,
        ["matrix.crypto"] = w.matrix.crypto, ["matrix.base64"] = w.matrix.base64,
        Event = assert(room:send("x")), Member = room:member(world.BOB),
        User = w.bot:user(world.BOB), Client = w.bot.client, Handle = w.bot:on("ready", print),
        Batch = assert(w.bot.client:sync_once()), Task = w.matrix.spawn(function() end),
        Response = assert(w.matrix.http.get("http://x")), Error = w.matrix.error("limit", "x"),
        Secret = core.require("secret").new("x"),
        Job = core.require("job").new({ id = 1, name = "x", at = 1, attempt = 0 }),
        Request = core.require("webhook").request({}),
    }
end

local all = objects()

t.case("every described name is there", function()
    for _, entry in ipairs(description.entries) do
        local object = all[entry.class]
        t.ok(object, "no object of class " .. entry.class)
        local ok, value = pcall(function() return object[entry.name] end)
        t.ok(ok, ("%s: %s"):format(entry.title, tostring(value)))
        if entry.kind ~= "field" then t.eq(type(value), "function", entry.title) end
    end
end)

t.case("every method that is there is described", function()
    for class, object in pairs(all) do
        local mt = debug.getmetatable(object)
        for name in pairs(mt.methods or {}) do
            t.ok(description.find(class, name), class .. ":" .. name)
        end
        if class:find("^matrix") then
            for name in pairs(object) do
                t.ok(description.find(class, name), class .. "." .. name)
            end
        end
    end
end)

t.case("every entry says what a page needs", function()
    local where = { load = true, task = true, any = true }
    for _, entry in ipairs(description.entries) do
        t.ok(description.objects[entry.class] or entry.class:find("^matrix"), entry.class)
        t.ok(type(entry.summary) == "string", entry.title)
        t.eq(entry.stage, 1, entry.title)
        if entry.kind == "field" then
            t.ok(type(entry.type) == "string", entry.title)
        else
            t.ok(where[entry.where], entry.title)
            t.ok(not entry.waits or entry.where == "task", entry.title)
            t.ok(entry.summary:find("[.?]$"), entry.title .. ": a sentence")
            t.ok(type(entry.example) == "string" and #entry.example > 0, entry.title)
            t.ok(type(entry.returns) == "table", entry.title)
        end
    end
end)

t.case("types are known", function()
    local known = { string = true, number = true, integer = true, boolean = true, table = true,
        any = true, duration = true, userdata = true }
    known["function"] = true
    for _, class in ipairs(description.classes) do known[class] = true end
    for name in pairs(description.records) do known[name] = true end
    local function look(text, what)
        for word in text:gmatch("[^|]+") do
            t.ok(known[(word:gsub("%[%]$", ""))], what .. ": " .. word)
        end
    end
    local function look_at_fields(fields, what)
        for _, field in ipairs(fields) do
            t.eq(#field, 3, what)
            look(field[2], what)
        end
    end
    for name, fields in pairs(description.records) do look_at_fields(fields, name) end
    for _, entry in ipairs(description.entries) do
        if entry.type then look(entry.type, entry.title) end
        for _, param in ipairs(entry.params) do
            t.eq(#param, 3, entry.title)
            look(param[2], entry.title)
            look_at_fields(param.fields or {}, entry.title)
        end
        for _, value in ipairs(entry.returns or {}) do look(value[2], entry.title) end
    end
end)

t.case("examples compile, and name only what exists", function()
    local lint = core.require "lint"
    local globals = { "bot", "matrix" }
    for name in pairs(_G) do globals[#globals + 1] = name end
    for _, entry in ipairs(description.entries) do
        if entry.example then
            local ok, why = load(entry.example, "=" .. entry.title, "t", {})
            t.ok(ok, tostring(why))
            t.eq(lint.check(entry.example, entry.title, globals), {}, entry.title)
        end
    end
end)

return t.finish()
