-- A test file: cases, then `return t.finish()`. The same in the host and in
-- plain lua5.4.

local M = {}

local passed, failed = 0, {}

local function show(value, depth)
    depth = depth or 0
    if type(value) == "string" then return ("%q"):format(value) end
    if type(value) ~= "table" or depth > 4 then return tostring(value) end
    local parts, keys = {}, {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(keys) do
        parts[#parts + 1] = ("%s = %s"):format(tostring(key), show(value[key], depth + 1))
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
end

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for key, value in pairs(a) do
        if not same(value, b[key]) then return false end
    end
    for key in pairs(b) do
        if a[key] == nil then return false end
    end
    return true
end

local function fail(message)
    error(message, 3)
end

function M.eq(got, wanted, what)
    if not same(got, wanted) then
        fail(("%sgot %s, wanted %s"):format(what and what .. ": " or "", show(got), show(wanted)))
    end
end

function M.ok(value, what)
    if not value then fail(what or "not true") end
end

function M.match(text, pattern)
    if not tostring(text):find(pattern) then
        fail(("%s does not match %s"):format(show(text), pattern))
    end
end

-- fn raises something that, as text, matches pattern.
function M.raises(pattern, fn, ...)
    local ok, err = pcall(fn, ...)
    if ok then fail("nothing was raised, wanted " .. pattern) end
    if not tostring(err):find(pattern) then
        fail(("raised %s, wanted %s"):format(show(tostring(err)), pattern))
    end
end

function M.case(name, fn)
    local ok, err = xpcall(fn, function(e) return debug.traceback(tostring(e), 2) end)
    if ok then
        passed = passed + 1
    else
        failed[#failed + 1] = name
        print(("FAILED %s\n    %s"):format(name, (tostring(err):gsub("\n", "\n    "))))
    end
end

function M.finish()
    print(("%d passed, %d failed"):format(passed, #failed))
    local status = #failed == 0 and passed > 0 and 0 or 1
    if os.exit then os.exit(status) end
    return status
end

return M
