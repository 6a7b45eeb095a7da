-- How the outcome of tests is written: text, tap or junit. A format is a table
-- of begin(), case(number, file, case, failure, seconds) and finish(number,
-- failed). failure: nil, or { file, line, message, transcripts, log }.

local M = {}

local function details(failure)
    local out = { ("%s:%s: %s"):format(failure.file, failure.line, failure.message) }
    for _, text in ipairs(failure.transcripts or {}) do out[#out + 1] = text end
    for _, line in ipairs(failure.log or {}) do
        if line.level ~= "info" then out[#out + 1] = "log: " .. line.text end
    end
    return (table.concat(out, "\n"))
end

local function indented(text, with)
    return with .. text:gsub("\n", "\n" .. with)
end

local function nothing() end

M.text = {
    begin = nothing,
    case = function(_, file, case, failure)
        print(("%s %s: %s"):format(failure and "FAILED" or "ok    ", file.path, case.name))
        if failure then print(indented(details(failure), "    ")) end
    end,
    finish = function(number, failed)
        print(("%d passed, %d failed"):format(number - failed, failed))
    end,
}

M.tap = {
    begin = function() print("TAP version 13") end,
    case = function(number, file, case, failure)
        local name = ("%s: %s"):format(file.path, case.name):gsub("#", "\\#")
        print(("%s %d - %s"):format(failure and "not ok" or "ok", number, name))
        if failure then print(indented(details(failure), "# ")) end
    end,
    finish = function(number) print("1.." .. number) end,
}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- XML has no way to write most control characters, or bytes that are no UTF-8.
local function escape(text)
    text = text:gsub("[%z\1-\8\11\12\14-\31\127]", "\u{fffd}")
    local at = 1
    while true do
        local ok, bad = utf8.len(text, at)
        if ok then break end
        text = text:sub(1, bad - 1) .. "\u{fffd}" .. text:sub(bad + 1)
        at = bad + 3
    end
    return (text:gsub('[&<>"]', ENTITIES):gsub("\u{ffff}", "\u{fffd}"):gsub("\u{fffe}", "\u{fffd}"))
end

-- The numbers stand before the cases, so all is kept until the end. A suite is
-- a file.
local suites, suite

local function element(file, case, failure, seconds)
    local open = ('    <testcase classname="%s" name="%s" time="%.3f"'):format(
        escape(file.path), escape(case.name), seconds)
    if not failure then return open .. "/>" end
    return ('%s>\n      <failure message="%s">%s</failure>\n    </testcase>'):format(
        open, escape(failure.message:match("[^\n]*")), escape(details(failure)))
end

M.junit = {
    begin = function() suites, suite = {}, nil end,
    case = function(_, file, case, failure, seconds)
        if not suite or suite.path ~= file.path then
            suite = { path = file.path, failed = 0 }
            suites[#suites + 1] = suite
        end
        suite.failed = suite.failed + (failure and 1 or 0)
        suite[#suite + 1] = element(file, case, failure, seconds)
    end,
    finish = function(number, failed)
        print('<?xml version="1.0" encoding="UTF-8"?>')
        print(('<testsuites tests="%d" failures="%d">'):format(number, failed))
        for _, one in ipairs(suites) do
            print(('  <testsuite name="%s" tests="%d" failures="%d">'):format(
                escape(one.path), #one, one.failed))
            print(table.concat(one, "\n"))
            print("  </testsuite>")
        end
        print("</testsuites>")
    end,
}

return M
