-- Manual pages out of the pages of docs/, by the program itself:
--   lunatrix help --man | lunatrix exec cmake/manual.lua command docs/cli.md
--   lunatrix exec cmake/manual.lua file docs/configuration.md VERSION
-- Understands the Markdown that those pages use: headings, paragraphs, lists,
-- tables, code.

local kind, path, version = ...

local function escape(text)
    return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^([.'])", "\\&%1"))
end

-- `code`, **strong**, [links](to.md), in one line of text.
local function inline(text)
    local out = {}
    local function plain(part)
        part = part:gsub("%[([^%]]+)%]%([^)]+%)", "%1")
        part = escape(part):gsub("%*%*(.-)%*%*", "\\fB%1\\fR")
        out[#out + 1] = part
    end
    local at = 1
    for before, code, after in text:gmatch("()`([^`]+)`()") do
        plain(text:sub(at, before - 1))
        out[#out + 1] = "\\fB" .. escape(code) .. "\\fR"
        at = after
    end
    plain(text:sub(at))
    return (table.concat(out):gsub("^([.'])", "\\&%1"))
end

local function cells(row)
    local list = {}
    for cell in row:gsub("^|", ""):gmatch("%s*([^|]*[^|%s])%s*|") do
        list[#list + 1] = cell
    end
    return list
end

local put = {}
local function line(text)
    put[#put + 1] = text
end

-- First column as a term; the others behind it, titled unless they are last.
local function table_row(titles, row)
    line(".TP\n" .. inline(row[1] or ""))
    local rest = {}
    for column = 2, #row do
        local title = titles[column]
        rest[#rest + 1] = #row > 2 and title and #row > column and title .. ": " .. row[column]
            or row[column]
    end
    line(inline(table.concat(rest, "; ")))
end

local function page(text, from)
    local titles, code
    local started = not from
    for row in text:gmatch("([^\n]*)\n") do
        local level, heading = row:match("^(#+) (.*)")
        if row:match("^```") then
            code = not code
            if started then
                line(code and ".PP\n.in +4n\n.EX" or ".EE\n.in")
            end
        elseif code then
            if started then
                line(escape(row))
            end
        elseif level then
            started = started or heading == from
            titles = nil
            if started and #level == 1 then
                line(".SH DESCRIPTION")
            elseif started then
                line(".SH " .. inline(heading):upper():gsub("\\F(%u)", "\\f%1"))
            end
        elseif not started then
            goto continue
        elseif row:match("^|[-%s|]+$") then
            titles = titles or {}
        elseif row:match("^|") then
            if titles then
                table_row(titles, cells(row))
            else
                titles = {}
                for cell in row:gsub("^|", ""):gmatch("%s*([^|]-)%s*|") do
                    titles[#titles + 1] = cell
                end
            end
        elseif row:match("^%- ") then
            line(".IP \\(bu 2\n" .. inline(row:sub(3)))
        elseif row ~= "" then
            line(".PP\n" .. inline(row))
        else
            titles = nil
        end
        ::continue::
    end
end

local file = assert(io.open(path))
local text = assert(file:read("a")) .. "\n"
file:close()

if kind == "command" then
    line((assert(io.read("a")):gsub("\n$", "")))
    line(".SH ENVIRONMENT\n.PP\n" .. inline(assert(text:match("\nEnvironment: ([^\n]+)"))))
    page(text, "Exit codes")
    line(".SH SEE ALSO\n.BR lunatrix.lua (5)")
else
    line(('.TH LUNATRIX.LUA 5 "" "lunatrix %s" "File Formats"'):format(version))
    line(".SH NAME\nlunatrix.lua \\- which bots run, as whom, with what settings")
    page(text)
    line(".SH SEE ALSO\n.BR lunatrix (1)")
end
io.write(table.concat(put, "\n"), "\n")
