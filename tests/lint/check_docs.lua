-- For check_docs.py. Reads Lua samples from standard input, each as a line
-- "PLACE LINE BYTES" and that many bytes; prints "PLACE:LINE: message" for what
-- does not compile and for names that do not exist. Then, after a line "names",
-- "TITLE<tab>KIND<tab>WORDS" for every entry of the description; WORDS are the
-- named fields and arguments it takes.
-- usage: lua5.4 tests/lint/check_docs.lua lua/matrix

local folder = arg[1]

local core = {}
local loaded = {}

function core.require(name)
    if loaded[name] == nil then
        loaded[name] = assert(loadfile(("%s/%s.lua"):format(folder, name)))(core)
    end
    return loaded[name]
end

local description = core.require "description"
description.extend("test")
local lint = core.require "lint"

local globals = {}
for name in ([[_G _VERSION arg assert bot collectgarbage coroutine debug dofile error getmetatable
    io ipairs load loadfile math matrix next os package pairs pcall print rawequal rawget rawlen
    rawset require select setmetatable string table tonumber tostring type utf8 xpcall
]]):gmatch("%S+") do
    globals[name] = true
end

-- What samples may take for granted, as the text around them says. In one
-- line, so that lines count as in the sample.
local BEFORE = 'local room, room_id = bot:room("!a:b"), "!a:b" '
    .. 'local client, login = matrix.client{}, {} bot:on("message", function(ev) '
    .. 'local _ = { room, room_id, client, login, ev } do '

local function check(place, first, text)
    local _, message = load(text, "=sample", "t")
    if message then
        local line, rest = message:match("^sample:(%d+): (.*)$")
        print(("%s:%d: %s"):format(place, first + (tonumber(line) or 1) - 1, rest or message))
        return
    end
    local wrapped = BEFORE .. text .. "\nend end)"
    for _, found in ipairs(lint.check(wrapped, place, globals)) do
        print(("%s:%d: %s"):format(place, first + found.line - 1, found.message))
    end
end

local function words_of(entry)
    local words = {}
    for _, param in ipairs(entry.params) do
        words[#words + 1] = (param[1]:gsub("%?$", ""))
        local fields = param.fields
        for kind in param[2]:gmatch("[^|]+") do fields = fields or description.records[kind] end
        for _, field in ipairs(fields or {}) do words[#words + 1] = (field[1]:gsub("%?$", "")) end
    end
    return table.concat(words, " ")
end

for head in io.lines() do
    local place, first, bytes = head:match("^(%S+) (%d+) (%d+)$")
    check(place, tonumber(first), bytes == "0" and "" or io.read(tonumber(bytes)))
end
print("names")
for _, entry in ipairs(description.entries) do
    print(("%s\t%s\t%s"):format(entry.title, entry.kind, words_of(entry)))
end
