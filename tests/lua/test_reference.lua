-- runs in: lua5.4
local t = require "harness"
local fake = require "fake_core"

local core = fake.new()
local description = core.require "description"
local annotate = core.require "annotate"
local reference = core.require "reference"

t.case("annotations are Lua, and have every name", function()
    local text = annotate()
    assert(load(text, "=types"))
    for _, entry in ipairs(description.entries) do
        local name = entry.name:gsub("%p", "%%%0")
        local line = entry.kind == "field" and "\n%-%-%-@field " .. name .. " "
            or "\nfunction matrix_%w+[.:]" .. name .. "%("
        t.ok(text:find(line), entry.title)
    end
    for name in pairs(description.records) do
        t.ok(text:find("\n---@class matrix." .. name .. "\n", 1, true), name)
    end
    t.eq(select(2, text:gsub("\n%-%-%-@field http ", "")), 1, "once")
    t.match(annotate("test"), "^%-%-%-@meta matrix%.test\n.*@type matrix%.test\n")
    t.ok(text:find("\n---@class matrix.test\n", 1, true))
    t.ok(text:find("---@return matrix.Event? sent", 1, true), "what fails may be nil")
    t.ok(text:find("---@param fn fun(ev: matrix.Event)", 1, true), "what a handler takes")
    t.ok(not text:find("[ |]matrix%.[%w.]*%.opts%?"), "no stray question marks")
end)

t.case("docs shows a name however it is written", function()
    for _, name in ipairs({ "ev:reply", "ev.reply", "event.reply", "Event:reply", "ev:reply()" }) do
        local text = assert(reference(name))
        t.match(text, "^ev:reply%(what %[, opts%]%)\n")
        t.match(text, "in a task; waits")
        t.match(text, "M_FORBIDDEN")
    end
    t.match(reference("matrix.http.get"), "max_bytes%?")
    t.match(reference("CANCEL"), "handle:cancel")
end)

t.case("docs of a class or a library lists what is in it", function()
    for _, name in ipairs({ "ev", "Event", "event" }) do
        t.match(reference(name), "^ev: Event\n  ev%.age.*\n  ev:reply%(what %[, opts%]%) +Answer")
    end
    t.match(reference("bot"), "^bot\n.*\n  bot:command%(usage")
    t.match(reference("matrix.http"), "^matrix%.http\n.*\n  matrix%.http%.post%(")
    t.match(reference("matrix"), "^matrix\n")
    t.match(reference("bot.store"), "^bot%.store: Store\n.*\n  bot%.store:update%(")
    t.match(reference("CommandOptions"), "^CommandOptions: a table\n.*\n  rerun%?")
end)

t.case("an unknown name gets a suggestion; no name lists all", function()
    local text, why = reference("ev:replay")
    t.eq(text, nil)
    t.match(why, "there is no 'ev:replay', did you mean 'ev:reply'")
    local list = reference()
    for _, entry in ipairs(description.entries) do
        t.ok(list:find(entry.title, 1, true), entry.title)
    end
end)

return t.finish()
