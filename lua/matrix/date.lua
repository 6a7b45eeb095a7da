-- matrix.time: points in time as ISO 8601 (RFC 3339) text, in UTC.

local core = ...

local M = {}

local DAY = 86400
local LAST = 253402300800  -- the year 10000
local FIRST = -62167219200 -- the year 0

-- Days since 1970-01-01 of a date of the Gregorian calendar. Years are counted
-- from March, so that the leap day is the last.
local function days_of(year, month, day)
    if month <= 2 then year, month = year - 1, month + 12 end
    local era, in_era = year // 400, year % 400
    local in_year = (153 * (month - 3) + 2) // 5 + day - 1
    return era * 146097 + in_era * 365 + in_era // 4 - in_era // 100 + in_year - 719468
end

local function date_of(days)
    days = days + 719468
    local era, in_era = days // 146097, days % 146097
    local year = (in_era - in_era // 1460 + in_era // 36524 - in_era // 146096) // 365
    local in_year = in_era - (365 * year + year // 4 - year // 100)
    local month = (5 * in_year + 2) // 153
    local day = in_year - (153 * month + 2) // 5 + 1
    month = month < 10 and month + 3 or month - 9
    return era * 400 + year + (month <= 2 and 1 or 0), month, day
end

local function month_length(year, month)
    local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    return month == 2 and (leap and 29 or 28) or (month + month // 8) % 2 + 30
end

-- "2026-01-31" at the beginning: days, and where the rest begins.
local function read_date(text)
    local year, month, day, at = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)()")
    year, month, day = tonumber(year), tonumber(month), tonumber(day)
    if not at or month < 1 or month > 12 or day < 1 or day > month_length(year, month) then
        return nil
    end
    return days_of(year, month, day), at
end

-- "10:30", "10:30:59.25": seconds.
local function read_clock(text, at)
    local hour, minute, rest = text:match("^(%d%d):(%d%d)()", at)
    if not hour then return nil end
    local second, after = text:match("^:(%d%d)()", rest)
    local fraction, behind = text:match("^([.,]%d+)()", after)
    if not second then fraction = nil end
    hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second or 0)
    if hour > 23 or minute > 59 or second > 60 then return nil end  -- 60: a leap second
    local seconds = hour * 3600 + minute * 60 + second
    if fraction then seconds = seconds + tonumber("0." .. fraction:sub(2)) end
    return seconds, fraction and behind or after or rest
end

-- "Z", "+02:00", "-0530", "+02", or nothing: seconds east of Greenwich.
local function read_zone(zone)
    if zone == "" or zone:upper() == "Z" then return 0 end
    local sign, hour, minute = zone:match("^([+-])(%d%d):?(%d%d)$")
    if not sign then sign, hour, minute = zone:match("^([+-])(%d%d)()$") end
    if not sign then return nil end
    minute = type(minute) == "string" and tonumber(minute) or 0
    if tonumber(hour) > 23 or minute > 59 then return nil end
    local seconds = tonumber(hour) * 3600 + minute * 60
    return sign == "-" and -seconds or seconds
end

-- Seconds since 1970, or nil when text is no point in time.
function M.parse(text)
    if #text > 60 then return nil end
    local days, at = read_date(text)
    if not days then return nil end
    if at > #text then return days * DAY end
    if not text:find("^[Tt ]", at) then return nil end
    local clock, rest = read_clock(text, at + 1)
    local zone = clock and read_zone(text:sub(rest))
    if not zone then return nil end
    return days * DAY + clock - zone
end

-- "2026-01-31T10:30:59Z"; digits: of the fraction, rounded (none: cut).
function M.format(seconds, opts)
    local digits = opts and opts.digits or 0
    if digits < 0 or digits > 6 then core.raise("matrix.time.format: digits must be 0 to 6") end
    if not (seconds >= FIRST and seconds < LAST) then
        core.raise("matrix.time.format: only years 0 to 9999 can be written")
    end
    local whole = math.tointeger(seconds // 1)
    local scale = math.tointeger(10 ^ digits)
    local fraction = digits > 0 and math.tointeger(((seconds - whole) * scale + 0.5) // 1) or 0
    if fraction == scale and whole < LAST - 1 then whole, fraction = whole + 1, 0 end
    fraction = math.min(fraction, scale - 1)
    local year, month, day = date_of(whole // DAY)
    local clock = whole % DAY
    return ("%04d-%02d-%02dT%02d:%02d:%02d%sZ"):format(year, month, day, clock // 3600,
        clock // 60 % 60, clock % 60, digits > 0 and ("." .. ("%%0%dd"):format(digits)):format(
            fraction) or "")
end

M.library = { parse = M.parse, format = M.format }

return M
