-- `help`: the commands of all scripts of the account, as far as who asks may
-- call them where they ask. Rows are those of script.commands:
-- { script, name, aliases, usage, help, hidden, details }.

local core = ...
local access = core.require "access"
local account = core.require "account"
local suggest = core.require "suggest"
local time = core.require "time"

local M = {}

local PAGE = 20  -- commands

-- What help says of a command of another script, as the host passes it on.
-- names: all of them, in full; the first is its own.
function M.details(options, names, rooms, cooldown)
    local function array(list) return setmetatable(list, core.array_metatable) end
    local function copy(list) return array({ table.unpack(list) }) end
    local examples = options.examples
    if type(examples) == "string" then examples = { examples } end
    local full = array({})
    for i, words in ipairs(names) do full[i] = table.concat(words, " ") end
    return {
        names = full, rooms = copy(rooms), examples = examples and copy(examples),
        power = options.power, admin = options.admin, dm = options.dm, cooldown = cooldown,
    }
end

local function prefix()
    return account.info().prefix or "!"
end

-- What the sender may call here, by script and usage.
local function allowed(rows, ev)
    local out = {}
    for _, row in ipairs(rows) do
        local details = row.details or {}
        if access.belongs_here(ev, details.rooms) and not access.refusal(details, ev) then
            out[#out + 1] = row
        end
    end
    table.sort(out, function(a, b)
        local x, y = a.script or "", b.script or ""
        return x < y or x == y and a.usage < b.usage
    end)
    return out
end

local function line_of(row)
    return prefix() .. row.usage .. (row.help and row.help ~= "" and " - " .. row.help or "")
end

-- ---- the list ----

-- Scripts have headings when there are several.
local function list(rows, number)
    local shown, several = {}, false
    for _, row in ipairs(rows) do
        if not row.hidden then
            shown[#shown + 1] = row
            several = several or row.script ~= shown[1].script
        end
    end
    local pages = math.max(1, math.ceil(#shown / PAGE))
    if #shown == 0 then return "there are no commands" end
    if number > pages then
        return ("there are %d pages of help"):format(pages)
    end
    local lines, script = {}, nil
    for i = (number - 1) * PAGE + 1, math.min(number * PAGE, #shown) do
        local row = shown[i]
        if several and row.script ~= script then
            script = row.script
            lines[#lines + 1] = script .. ":"
        end
        lines[#lines + 1] = (several and "  " or "") .. line_of(row)
    end
    if pages > 1 then
        local last = number == pages
        lines[#lines + 1] = ("page %d of %d%s"):format(number, pages,
            last and "" or (", go on with %shelp %d"):format(prefix(), number + 1))
    end
    return table.concat(lines, "\n")
end

-- ---- one command ----

local function names_of(row)
    return row.details and row.details.names or { row.name }
end

-- Is it that command, or a sub-command of it?
local function is_called(row, wanted)
    for _, name in ipairs(names_of(row)) do
        if name == wanted or name:sub(1, #wanted + 1) == wanted .. " " then return true end
    end
    return false
end

local function explain(row, lines)
    local details = row.details or {}
    lines[#lines + 1] = line_of(row)
    for _, example in ipairs(details.examples or {}) do
        lines[#lines + 1] = "example: " .. example
    end
    local names = names_of(row)
    if #names > 1 then lines[#lines + 1] = "also: " .. table.concat(names, ", ", 2) end
    if details.cooldown then
        lines[#lines + 1] = "at most once in " .. time.format(details.cooldown)
    end
    if details.admin then lines[#lines + 1] = "for admins only" end
    if details.power then
        lines[#lines + 1] = ("needs power level %.10g"):format(details.power)
    end
end

local function explain_all(rows, wanted)
    local lines = {}
    for _, row in ipairs(rows) do
        if is_called(row, wanted) then explain(row, lines) end
    end
    return #lines > 0 and table.concat(lines, "\n") or nil
end

local function unknown(rows, wanted)
    local names = {}
    for _, row in ipairs(rows) do
        if not row.hidden then names[row.name:lower()], names[names_of(row)[1]] = true, true end
    end
    return ("there is no command '%s'%s"):format(wanted, suggest.hint(wanted, names))
end

-- What to answer to `help WORDS`; nil when that is no question for help. In a
-- direct chat "help me, please" is: only what was addressed to a bot is told
-- that there is no such command.
function M.answer(ev, rows, words, addressed)
    rows = allowed(rows, ev)
    local wanted, p = table.concat(words, " "), prefix()
    if #p > 0 and wanted:sub(1, #p) == p:lower() then wanted = wanted:sub(#p + 1) end
    if wanted == "" then return list(rows, 1) end
    local text = explain_all(rows, wanted)
    local number = #wanted < 5 and math.tointeger(tonumber(wanted:match("^%d+$")))
    if text then return text end
    if number and number > 0 then return list(rows, number) end
    return addressed and unknown(rows, wanted) or nil
end

return M
