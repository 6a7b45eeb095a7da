-- Durations: "1h30m" and 5400.

local M = {}

local units = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "ms", 0.001 } }
local rank = {}
for i, unit in ipairs(units) do rank[unit[1]] = i end

local function tidy(seconds)
    return math.tointeger(seconds) or seconds
end

-- Seconds, or nil when text is no duration. A number without a unit is
-- seconds; units go from large to small, each once.
function M.parse(text)
    if #text > 40 then return nil end
    if text:find("^%d+$") or text:find("^%d+%.%d+$") then return tidy(tonumber(text)) end
    local total, last, at = 0, 0, 1
    if text == "" then return nil end
    while at <= #text do
        local number, unit, stop = text:match("^(%d+%.?%d*)(%a+)()", at)
        local place = unit and rank[unit:lower()]
        if not place or place <= last or number:sub(-1) == "." then return nil end
        total = total + tonumber(number) * units[place][2]
        last, at = place, stop
    end
    if total == math.huge then return nil end
    return tidy(total)
end

-- "1h30m"; parts of a second only below one minute, as milliseconds.
function M.format(seconds)
    local sign = ""
    if seconds < 0 then sign, seconds = "-", -seconds end
    local whole = seconds // 1
    local ms = seconds < 60 and (seconds - whole) * 1000 + 0.5 or 0
    local out = {}
    whole = math.tointeger(whole) or whole
    for i = 1, 4 do
        local n = whole // units[i][2]
        if n > 0 then
            out[#out + 1] = ("%.0f%s"):format(n, units[i][1])
            whole = whole - n * units[i][2]
        end
    end
    if ms >= 1 then out[#out + 1] = ("%.0fms"):format(ms // 1) end
    return #out > 0 and sign .. table.concat(out) or "0s"
end

-- A number of seconds from what a script may write for a duration.
function M.seconds(value)
    if type(value) == "string" then return M.parse(value) end
    return value
end

return M
