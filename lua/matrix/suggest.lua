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

-- The name nearest to word among names (a list, or a set), or nil.
function M.nearest(word, names)
    local best, least
    if type(word) ~= "string" or #word > 64 then return nil end
    local function try(name)
        if type(name) ~= "string" or #name > 64 then return end
        local d = distance(word:lower(), name:lower())
        if not least or d < least or (d == least and name < best) then best, least = name, d end
    end
    for key, value in pairs(names) do
        try(type(key) == "number" and value or key)
    end
    if best and least <= math.max(1, math.min(3, #word // 3)) then return best end
    return nil
end

-- ", did you mean 'x'?" or "".
function M.hint(word, names)
    local name = M.nearest(word, names)
    return name and (", did you mean '%s'?"):format(name) or ""
end

return M
