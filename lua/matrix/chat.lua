-- The chat of `lunatrix try`: what is typed is said in a room of a world (see
-- test_world.lua), and what happens there is shown.

local core = ...
local commands = core.require "chat_commands"
local show = core.require "chat_show"
local worlds = core.require "test_world"

local control = worlds.control

local YOU = "@you:try"
local TICK_MS = 100

local Chat = {}
Chat.__index = Chat

-- ---- the script -----------------------------------------------------------------

local function read(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local text = file:read("a")
    file:close()
    return text
end

-- Messages of the log that someone at the keyboard must see. Were there any?
function Chat:tell_log()
    local told = false
    for _, line in ipairs(self.world:log()) do
        if line.level ~= "info" then
            show.problem(line.text)
            told = true
        end
    end
    return told
end

function Chat:reload()
    local ok, report = self.world:reload()
    local told = self:tell_log() -- a refusal is in the log, with its place
    if ok then
        show.note(("reloaded %s"):format(self.path))
    elseif not told then
        show.problem(report)
    end
end

-- Reloads when the file is another, and the same twice: not half written.
function Chat:watch()
    local text = read(self.path)
    if text and text ~= self.text and text == self.seen then
        self.text = text
        self:reload()
    end
    self.seen = text
end

-- ---- rooms ----------------------------------------------------------------------

function Chat:open(name, opts)
    opts.name, opts.members = name, core.array({ self.user_id })
    self.room = self.world:room(opts)
end

-- Prints what was not shown yet, of all rooms.
function Chat:show_news()
    for _, room_id in ipairs(control("rooms")) do
        local events = control("timeline", room_id)
        for i = (self.shown[room_id] or 0) + 1, #events do
            local event = events[i]
            local text = show.event(event, events)
            if text and not (self.terminal and event.event_id == self.said) then
                if self.shown_room ~= room_id then show.room(room_id) end
                self.shown_room = room_id
                core.chat_print(text)
            end
        end
        self.shown[room_id] = #events
    end
    self:tell_log()
end

function Chat:say(text)
    self.said = self.room:say(self.user_id, text)
end

-- ---- the loop -------------------------------------------------------------------

function Chat:run_line(line)
    if self.record then self.record:write(line, "\n"):flush() end
    if line == "" then return end
    local name, rest = line:match("^/(%a+)%s*(.-)%s*$")
    local ok, message = pcall(function()
        if not name then return self:say((line:gsub("^//", "/"))) end
        local command = commands.find(name)
        if not command then error(("there is no /%s; see /help"):format(name), 0) end
        command.run(self, rest)
    end)
    self:show_news()
    if not ok then show.note(tostring(message):gsub("^[%w/_]+%.lua:%d+: ", "")) end
end

-- Time passes, and is looked at.
function Chat:idle(elapsed)
    core.world_advance(elapsed)
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

-- 0, or 1 when the script did not load and nobody is there to mend it.
return function(path, record, terminal, config, secrets)
    io.stdout:setvbuf("line")
    local text = read(path)
    if not text then error(("cannot read %s"):format(path), 0) end
    local chat = setmetatable({ path = path, terminal = terminal, user_id = YOU, shown = {},
        text = text, seen = text }, Chat)
    if record then chat.record = assert(io.open(record, "w")) end
    chat.world = worlds.open({ { path = path, config = config, secrets = secrets } })
    local failure = chat.world:load_error()
    if failure then show.problem(failure) end
    if not failure or terminal then
        if terminal then
            show.note(("%s, offline: type to talk, /help for more, Ctrl-D ends"):format(path))
        end
        chat:open("try", {})
        chat:loop()
    end
    if chat.record then chat.record:close() end
    core.world_free()
    return failure and not terminal and 1 or 0
end
