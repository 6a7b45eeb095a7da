-- "did you mean ...?": the nearest of some names to a word.

local M = {}

-- Edits (insert, delete, replace, swap neighbours) from a to b, in bytes.
local function distance(a, b)
    local before, row = {}, {}
    for j = 0, #b do row[j] = j end
    local last
    for i = 1, #a do
        before, last, row = row, before, { [0] = i }
        for j = 1, #b do
            local same = a:byte(i) == b:byte(j)
            local best = math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (same and 0 or 1))
            if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
                best = math.min(best, last[j - 2] + 1)
            end
            row[j] = best
        end
    end
    return row[#b]
end

-- Is one the beginning of the other?
local function begins(a, b)
    if #a > #b then a, b = b, a end
    return #a >= 3 and b:sub(1, #a) == a
end

-- The name nearest to word among names (a list, or a set), or nil.
function M.nearest(word, names)
    local best, least
    if type(word) ~= "string" or #word > 64 then return nil end
    local lower = word:lower()
    for key, value in pairs(names) do
        local name = type(key) == "number" and value or key
        if type(name) == "string" and #name <= 64 then
            local d = distance(lower, name:lower())
            if not least or d < least or (d == least and name < best) then
                best, least = name, d
            end
        end
    end
    local near = math.max(1, math.min(3, #word // 3))
    if best and (least <= near or begins(lower, best:lower())) then return best end
    return nil
end

-- ", did you mean 'x'?" or "".
function M.hint(word, names)
    local name = M.nearest(word, names)
    return name and (", did you mean '%s'?"):format(name) or ""
end

return M
