-- Lua 5.4 text to tokens, for lint.lua.

local M = {}

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or
    repeat return then true until while]]):gmatch("%a+") do
    keywords[word] = true
end

local symbols = {}
for symbol in ("... << >> // == ~= <= >= :: .. + - * / % ^ # & ~ | < > = ( ) { } [ ] ; : , ."
    ):gmatch("%S+") do
    symbols[#symbols + 1] = symbol
end

-- Where a long bracket that begins at `at` ends, and its text; or nil.
local function long_bracket(text, at)
    local level = text:match("^%[(=*)%[", at)
    if not level then return nil end
    local from = at + #level + 2
    local close = text:find("]" .. level .. "]", from, true)
    if not close then return false end
    return close + #level + 2, text:sub(from, close - 1)
end

local function number_end(text, at)
    if text:find("^0[xX]", at) then
        local stop = text:match("^0[xX][%x.]*()", at)
        return text:match("^[pP][+-]?%d+()", stop) or stop
    end
    local stop = text:match("^[%d.]+()", at)
    return text:match("^[eE][+-]?%d+()", stop) or stop
end

-- Where a quoted string ends; false when it is not closed on its line.
local function string_end(text, at)
    local quote = text:sub(at, at)
    local i = at + 1
    while true do
        local c = text:sub(i, i)
        if c == quote then return i + 1 end
        if c == "" or c == "\n" then return false end
        if c == "\\" then
            if text:sub(i + 1, i + 1) == "z" then
                i = text:match("^%s*()", i + 2)
            else
                i = i + (text:find("^\r\n", i + 1) and 3 or 2)
            end
        else
            i = i + 1
        end
    end
end

local function skip_comment(text, at)
    local stop = long_bracket(text, at + 2)
    if stop == false then return nil, "unfinished long comment" end
    return stop or text:find("\n", at, true) or #text + 1
end

-- One token at `at`: kind, where it ends, value; or nil, message.
local function token_at(text, at)
    local c = text:sub(at, at)
    if c:find("[%a_]") then
        local word = text:match("^[%w_]+", at)
        return keywords[word] and word or "name", at + #word, word
    end
    if text:find("^%.?%d", at) then return "number", number_end(text, at) end
    if c == '"' or c == "'" then
        local stop = string_end(text, at)
        if not stop then return nil, "unfinished string" end
        return "string", stop, text:sub(at + 1, stop - 2)
    end
    local stop, inner = long_bracket(text, at)
    if stop == false then return nil, "unfinished long string" end
    if stop then return "string", stop, inner end
    for _, symbol in ipairs(symbols) do
        if text:sub(at, at + #symbol - 1) == symbol then return symbol, at + #symbol end
    end
    return nil, ("unexpected symbol '%s'"):format(c)
end

-- A list of { kind, value, line, col }, ended by one of kind "end of file".
-- Kind is "name", "string", "number", or the keyword or symbol itself.
-- Or nil and { line, col, message }.
function M.tokens(text)
    local list, line, line_start, at = {}, 1, 1, 1
    local function pass(to)
        for newline in text:sub(at, to - 1):gmatch("()\n") do
            line, line_start = line + 1, at + newline
        end
        at = to
    end
    if text:sub(1, 1) == "#" then pass(text:find("\n", 1, true) or #text + 1) end
    while true do
        pass(text:match("^%s*()", at))
        local place = { line = line, col = at - line_start + 1 }
        if at > #text then
            place.kind = "end of file"
            list[#list + 1] = place
            return list
        end
        if text:sub(at, at + 1) == "--" then
            local stop, message = skip_comment(text, at)
            if not stop then
                place.message = message
                return nil, place
            end
            pass(stop)
        else
            local kind, stop, value = token_at(text, at)
            if not kind then
                place.message = stop
                return nil, place
            end
            place.kind, place.value = kind, value
            list[#list + 1] = place
            pass(stop)
        end
    end
end

return M
