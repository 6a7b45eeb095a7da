-- The chat of `lunatrix try`: what is typed is said in a room of a world (see
-- test_world.lua), and what happens there is shown.

local core = ...
local commands = core.require "chat_commands"
local format = core.require "chat_format"
local logs = core.require "chat_log"
local places = core.require "chat_places"
local show = core.require "chat_show"
local worlds = core.require "test_world"

local control = worlds.control

local YOU = "@you:try"
local TICK_MS = 100

local Chat = {}
Chat.__index = Chat

-- ---- the script -----------------------------------------------------------------

-- What a line of the log says for whoever is at the keyboard.
function Chat:tell_line(line)
    local text = line.text:gsub("^%d%d:%d%d:%d%d ", "")
    if line.level ~= "info" then
        if self.terminal then text = text:gsub("fixed and reloaded%)", "fixed and saved)") end
        self.told = true
        return show.problem(text, line.level)
    end
    local changed = text:match("✓ .-: generation %d+ %a+ ?%d* ?%((.-) changed[,)]")
    local loaded = text:find("✓ .-: generation %d+ ")
    local printed = text:match("^info +%S+ (.-:%d+: .*)$")
    if text:find(": as it was before (generation", 1, true) then
        show.note(("%s is as it was before"):format(self.path))
    elseif loaded and self.started and not self.loaded then
        self.reloads = self.reloads + 1
        show.note("loaded " .. self.path)
    elseif loaded and self.loaded then
        self.reloads = self.reloads + 1
        if changed == self.path then changed = nil end
        show.note(("reloaded %s%s"):format(self.path,
            changed and (" (%s changed)"):format(changed) or ""))
    elseif printed and not loaded then
        show.print((printed:gsub("^!%S+ ", "")))
    end
    self.loaded = self.loaded or loaded
end

-- Was there a problem?
function Chat:tell_log()
    self.told = false
    for _, line in ipairs(self.world:log()) do self:tell_line(line) end
    return self.told
end

function Chat:reload()
    local ok, report = self.world:reload()
    if not self:tell_log() and not ok then show.problem(report, "error") end
end

-- Reloads what was saved.
function Chat:watch()
    core.world_look()
    local before = self.reloads
    self:tell_log()
    if self.reloads > before then self:note_down("/reload") end
end

-- ---- rooms ----------------------------------------------------------------------

function Chat:open(name, opts)
    opts.name, opts.members = name, core.array({ self.user_id })
    self.room = self.world:room(opts)
end

-- The rooms that the configuration names, which nobody has to be shown.
function Chat:open_places(world, config)
    for _, name in ipairs(places.find(config)) do
        local room = world:room(places.options(name, self.user_id))
        local log, events = self:log_of(room.room_id), control("timeline", room.room_id)
        log:refresh(events)
        for _, event in ipairs(events) do log:take(event) end
        show.note(("%s is a room here: /room %s"):format(name, name:match("^.([^:]+)")))
    end
end

function Chat:log_of(room_id)
    if not self.logs[room_id] then self.logs[room_id] = logs.new() end
    return self.logs[room_id]
end

-- Says where what follows happens, when that is elsewhere.
function Chat:show_room(room_id)
    if self.shown_room ~= room_id then show.room(room_id) end
    self.shown_room = room_id
end

function Chat:show_event(room_id, event, log)
    local text = show.event(event, log, log:take(event))
    if not text or (self.terminal and event.event_id == self.said) then return end
    self:show_room(room_id)
    core.chat_print(text)
end

-- Prints what was not shown yet, of all rooms.
function Chat:show_news()
    local position = control("position").position
    if position ~= self.position then
        self.position = position
        for _, room_id in ipairs(control("rooms")) do
            local log, events = self:log_of(room_id), control("timeline", room_id)
            log:refresh(events)
            for i = log.shown + 1, #events do self:show_event(room_id, events[i], log) end
        end
    end
    self:tell_log()
end

-- ---- the loop -------------------------------------------------------------------

function Chat:note_down(line)
    if not self.record then return end
    if self.passed > 0 then self.record:write(("/time +%.1fs\n"):format(self.passed / 1000)) end
    self.passed = 0
    self.record:write(line, "\n"):flush()
end

function Chat:run_line(line)
    if line:find("^%s*$") then return end
    self:note_down(line)
    local room_id = self.room.room_id
    local name, rest = line:match("^/(%a+)%s*(.-)%s*$")
    local ok, message = pcall(function()
        if name then return commands.run(self, name, rest) end
        self.said = commands.say(self, (line:gsub("^//", "/")))
    end)
    self:show_news()
    if self.room.room_id ~= room_id then self:show_room(self.room.room_id) end
    if not ok then show.note((tostring(message):gsub("^[%w/_]+%.lua:%d+: ", ""))) end
end

-- Lets time pass in whole ticks, so that a record of it is short, and looks
-- at what comes of it.
function Chat:idle(elapsed)
    local ms = elapsed + self.rest
    self.rest = ms % TICK_MS
    ms = ms - self.rest
    if ms == 0 then return end
    core.world_advance(ms)
    self.passed = self.passed + ms
    self:watch()
    self:show_news()
end

-- The next line, nil when there is none yet, false at the end.
function Chat:read()
    if not self.terminal then return (core.chat_wait(-1)) end
    local line, elapsed
    if core.chat_edits() then
        line, elapsed = core.chat_read(show.name_of(self.user_id) .. "> ",
            function(ms) self:idle(ms) end, commands.complete)
    else
        line, elapsed = core.chat_wait(TICK_MS)
    end
    self:idle(elapsed)
    return line
end

function Chat:loop()
    while not self.done do
        local line = self:read()
        self:show_news()
        if line then self:run_line(line) end
        if line == false then break end
    end
end

-- ---- beginning ------------------------------------------------------------------

-- The script's path, as it is shown: of a folder, the main.lua in it.
local function find_script(path)
    for _, found in ipairs({ path, path:gsub("/+$", "") .. "/main.lua" }) do
        local file = io.open(found, "rb")
        local text = file and file:read(0, "a")
        if file then file:close() end
        if text then return (found:gsub("^%./+", "")) end
    end
    error(("cannot read %s"):format(path), 0)
end

-- 0, or 1 when the script did not load and nobody is there to mend it.
return function(path, record, terminal, styled, config, secrets)
    io.stdout:setvbuf("line")
    path = find_script(path)
    format.styled, show.numbers = styled, terminal
    local chat = setmetatable({ path = path, terminal = terminal, user_id = YOU, logs = {},
        direct = {}, rest = 0, passed = 0, reloads = 0 }, Chat)
    if record then
        local file, why = io.open(record, "w")
        chat.record = file or error("cannot write " .. why, 0)
    end
    chat.world = worlds.open({ { path = path, config = config, secrets = secrets } },
        function(world) chat:open_places(world, config) end)
    local failed = chat:tell_log() and not chat.loaded
    chat.started = true
    if not failed or terminal then
        if terminal then
            show.note(("%s, offline: type to talk, /help for more, Ctrl-D ends"):format(path))
        end
        chat:open("try", {})
        chat:loop()
    end
    if chat.record then chat.record:close() end
    core.world_free()
    return failed and not terminal and 1 or 0
end
