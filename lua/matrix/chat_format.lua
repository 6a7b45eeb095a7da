-- What a message looks like in a terminal: plain text, or with a terminal's
-- bold, italics and underline for the HTML of Matrix.

local core = ...

local M = { styled = false } -- true: on a terminal that shows styles

-- What others wrote must not steer the terminal, nor turn its direction:
-- control characters, also of Latin-1, and the marks for right to left.
function M.plain(text)
    text = tostring(text)
    if not utf8.len(text) then text = text:gsub("[\x80-\xFF]", "?") end
    return (text:gsub("[\0-\8\11-\31\127]", "?"):gsub("\xC2[\x80-\x9F]", "?")
        :gsub("\xD8\x9C", "?"):gsub("\xE2\x80[\x8E\x8F\xAA-\xAE]", "?")
        :gsub("\xE2\x80[\xA8\xA9]", "\n"):gsub("\xE2\x81[\xA6-\xA9]", "?"))
end

local OFF = "\27[0m"
local STYLES = { bold = "\27[1m", dim = "\27[2m", red = "\27[31m", yellow = "\27[33m" }

function M.style(name, text)
    return M.styled and STYLES[name] .. text .. OFF or text
end

-- ---- HTML -----------------------------------------------------------------------

local ON = {
    b = "\27[1m", strong = "\27[1m", i = "\27[3m", em = "\27[3m", u = "\27[4m", a = "\27[4m",
    del = "\27[9m", s = "\27[9m", code = "\27[36m", h1 = "\27[1m", h2 = "\27[1m", h3 = "\27[1m",
    h4 = "\27[1m", h5 = "\27[1m", h6 = "\27[1m", th = "\27[1m",
}
local BLOCKS = { p = true, div = true, ul = true, ol = true, pre = true, table = true, tr = true,
    h1 = true, h2 = true, h3 = true, h4 = true, h5 = true, h6 = true, details = true,
    summary = true }
local DEEPEST = 20

local Page = {}
Page.__index = Page

local function styles_of(page)
    local out = {}
    for i, tag in ipairs(page.open) do out[i] = ON[tag] end
    return table.concat(out)
end

-- Ends the line; an empty one only when it is wanted.
function Page:newline(wanted)
    local text = table.concat(self.line):gsub("%s+$", "")
    if self.bare and not wanted then return end
    local styles = styles_of(self)
    local margin = table.concat(self.margin, "", 1, #self.margin - (self.marker and 1 or 0))
    table.insert(self.lines, margin .. (self.marker or "") .. text
        .. (styles ~= "" and OFF or ""))
    self.line, self.bare, self.marker = { styles }, true, nil
end

function Page:put(text)
    if text == "" then return end
    self.line[#self.line + 1], self.bare = text, false
end

function Page:text(text)
    text = M.plain(core.html_unescape(text))
    if self.pre == 0 then
        text = text:gsub("%s+", " ")
        if self.bare then text = text:gsub("^ ", "") end
        return self:put(text)
    end
    for line, last in text:gmatch("([^\n]*)(\n?)") do
        self:put(line)
        if last ~= "" then self:newline(true) end
    end
end

function Page:indent(text)
    self:newline()
    if #self.margin < DEEPEST then
        table.insert(self.margin, text)
    else
        self.deeper = self.deeper + 1
    end
end

function Page:outdent()
    self:newline()
    self.marker = nil
    if self.deeper > 0 then
        self.deeper = self.deeper - 1
    else
        table.remove(self.margin)
    end
end

local OPEN, CLOSE = {}, {}

function OPEN.br(page) page:newline(true) end
function OPEN.hr(page) page:put("────────") page:newline() end
function OPEN.td(page) if not page.bare then page:put("  ") end end
OPEN.th = OPEN.td
function OPEN.pre(page) page.pre = page.pre + 1 end
function CLOSE.pre(page) page.pre = math.max(page.pre - 1, 0) end
function OPEN.blockquote(page) page:indent("│ ") end
CLOSE.blockquote = Page.outdent
function OPEN.ul(page) table.insert(page.lists, {}) end
function OPEN.ol(page, tag)
    table.insert(page.lists, { number = math.tointeger(tag:match('start="?(%d+)')) or 1 })
end
function CLOSE.ul(page) table.remove(page.lists) end
CLOSE.ol = CLOSE.ul

function OPEN.li(page)
    local list, marker = page.lists[#page.lists] or {}, "• "
    if list.number then
        marker = ("%d. "):format(list.number)
        list.number = list.number + 1
    end
    page:indent((" "):rep(utf8.len(marker)))
    page.marker = marker
end
CLOSE.li = Page.outdent

function OPEN.a(page, tag)
    page.href = tag:match('href="([^"]*)"') or tag:match("href='([^']*)'")
    page.link_line = #page.line
end

-- The address too, when it says more than the text; not for people and rooms.
function CLOSE.a(page)
    local href = page.href and M.plain(core.html_unescape(page.href))
    page.href = nil
    if not href or href:find("^https://matrix%.to/") then return end
    local text = table.concat(page.line, "", math.min(page.link_line, #page.line) + 1)
    if not text:find(href, 1, true) then page:put((" (%s)"):format(href)) end
end

function OPEN.img(page, tag)
    page:text(("[%s]"):format(tag:match('alt="([^"]*)"') or "image"))
end

function Page:open_tag(name, tag)
    if BLOCKS[name] then self:newline() end
    if OPEN[name] then OPEN[name](self, tag) end
    if ON[name] and #self.open < DEEPEST then
        table.insert(self.open, name)
        table.insert(self.line, ON[name])
    end
end

function Page:close_tag(name)
    for i = #self.open, 1, -1 do
        if self.open[i] == name then
            table.remove(self.open, i)
            table.insert(self.line, OFF .. styles_of(self))
            break
        end
    end
    if CLOSE[name] then CLOSE[name](self) end
    if BLOCKS[name] then self:newline() end
end

-- HTML with a terminal's styles.
function M.html(html)
    local page = setmetatable({ lines = {}, line = {}, bare = true, margin = {}, deeper = 0,
        open = {}, lists = {}, pre = 0 }, Page)
    local at = 1
    while at <= #html do
        local from, to, slash, name = html:find("<(/?)(%w+)[^<>]*>", at)
        page:text(html:sub(at, (from or #html + 1) - 1))
        if not from then break end
        if slash == "/" then
            page:close_tag(name:lower())
        else
            page:open_tag(name:lower(), html:sub(from, to))
        end
        at = to + 1
    end
    page:newline()
    return table.concat(page.lines, "\n")
end

-- ---- messages -------------------------------------------------------------------

-- The text of a message's content.
function M.message(content)
    local html = content.format == "org.matrix.custom.html" and content.formatted_body
    if M.styled and type(html) == "string" then return M.html(core.strip_html(html)) end
    return M.plain(content.body)
end

local UNITS = { "B", "kB", "MB", "GB" }

function M.size(bytes)
    local unit = 1
    while bytes >= 1000 and unit < #UNITS do bytes, unit = bytes / 1000, unit + 1 end
    return (unit == 1 and "%d %s" or "%.1f %s"):format(bytes, UNITS[unit])
end

return M
