-- runs in: lua5.4
local t = require "harness"
local world = require "world"

local function failing(write)
    return { kind = "matrix", errcode = "M_FORBIDDEN", error = "kicking @x:y: not allowed",
        status = 403, retry_after_ms = 5, request = "POST /kick", body = { extra = 1 },
        unknown = true, write = write }
end

-- Lines logged after a task in which fn(err) ran on a failed write.
local function warned(fn, write)
    local w = world.new()
    w.calls["room.send"] = function() return nil, failing(write ~= false) end
    w.bot:on("message", function(ev)
        local _, err = ev.room:send("x")
        fn(err)
    end)
    local ok, why = pcall(w.say, "hi")
    return w.host.named("log.write"), ok, why, w
end

t.case("the fields", function()
    local _, ok, why = warned(function(err)
        t.eq({ err.kind, err.errcode, err.error, err.status, err.retry_after_ms, err.request,
            err.body.extra, err.unknown }, { "matrix", "M_FORBIDDEN", "kicking @x:y: not allowed",
            403, 5, "POST /kick", 1, true })
        t.eq(tostring(err), "kicking @x:y: not allowed")
        t.eq("a " .. err .. " b", "a kicking @x:y: not allowed b")
        t.eq(("%s"):format(err), "kicking @x:y: not allowed")
        t.raises("an error has no field 'errcod', did you mean 'errcode'", function()
            return err.errcod
        end)
    end)
    t.ok(ok, why)
end)

t.case("a failed write nobody looked at is told, with its place", function()
    local lines = warned(function() end)
    t.eq(#lines, 1)
    t.eq(lines[1].args.level, "warn")
    t.match(lines[1].args.text, "unchecked error: kicking @x:y: not allowed")
    t.match(lines[1].args.file, "test_error.lua$")
    t.ok(math.type(lines[1].args.line) == "integer")
    t.eq(lines[1].args.room_id, world.ROOM)
end)

t.case("one that was looked at is not", function()
    local looks = {
        function(err) return err.kind end,
        function(err) return tostring(err) end,
        function(err) return "x" .. err end,
        function(err) return ("%s"):format(err) end,
        function(err) return err.errcode == "M_LIMIT" end,
        function(err) return pairs(err) end,
    }
    for i, look in ipairs(looks) do t.eq(#warned(look), 0, "look " .. i) end
    t.eq(#warned(function(err) return err == nil, type(err), rawequal(err, err) end), 1)
end)

t.case("a failed read is never told", function()
    t.eq(#warned(function() end, false), 0)
end)

t.case("each task is told of once, and only of its own", function()
    local w = world.new()
    w.calls["room.send"] = function() return nil, failing(true) end
    w.bot:on("message", function(ev)
        ev.room:send("x")
        ev.room:send("y")
    end)
    w.say("one")
    t.eq(#w.host.named("log.write"), 2)
    w.calls["room.send"] = nil
    w.calls["room.send"] = function() return { event_id = "$x" } end
    w.say("two")
    t.eq(#w.host.named("log.write"), 2)
end)

t.case("assert throws the object itself", function()
    local _, _, _, w = warned(function() end)
    w.registered[1] = nil
    local caught
    w = world.new()
    w.calls["room.send"] = function() return nil, failing(true) end
    w.bot:on("message", function(ev)
        local ok, err = pcall(function() assert(ev.room:send("x")) end)
        caught = not ok and err
    end)
    w.say("hi")
    t.eq(caught.errcode, "M_FORBIDDEN")
    t.ok(w.matrix.is_error(caught))
end)

t.case("fields cannot be assigned", function()
    local w = world.new()
    local err = w.matrix.error("limit", "x")
    t.raises("cannot be assigned", function() err.kind = "y" end)
    t.raises("no error kind 'limt', did you mean 'limit'", w.matrix.error, "limt", "x")
end)

return t.finish()
