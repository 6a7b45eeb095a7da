-- `lunatrix docs --markdown`: the whole description as one page of Markdown,
-- a section for each class, a heading for each name.

local core = ...
local description = core.require "description"
local signature = core.require "signature"
description.extend("test")

local WHERE = { load = "while the script loads", task = "task", any = "anywhere" }

-- Sections, in the order in which people meet them.
local ORDER = {
    { "bot", "`bot`: the script" }, { "Event", "`ev`: an event" }, { "Room", "`room`" },
    { "Member", "`member`" }, { "User", "`user`" }, { "Store", "`bot.store`" },
    { "Handle", "`handle`: a registration" }, { "Job", "`job`" }, { "matrix", "`matrix`" },
    { "Task", "`task`" }, { "Response", "`res`: an HTTP response" },
    { "Request", "`req`: a request to a web hook" }, { "Error", "`err`" },
    { "Secret", "`secret`" }, { "Client", "`client`: the primitives" },
    { "Batch", "`batch`: a sync response" }, { "test", "`t`: `require \"matrix.test\"`" },
    { "World", "`w`: the world of a test" }, { "TestRoom", "`room` in a test" },
}

local function add(out, format, ...)
    out[#out + 1] = format:format(...)
end

-- In a table's cell a bar would end it.
local function cell(text)
    return (tostring(text or ""):gsub("|", "\\|"):gsub("\n", " "))
end

local function add_fields(out, fields, prefix)
    for _, field in ipairs(fields or {}) do
        add(out, "| `%s%s` | %s | %s |", prefix, field[1], cell(field[2]), cell(field[3]))
    end
end

local function add_params(out, entry)
    if #entry.params == 0 then return end
    add(out, "\n| Argument | Type | |\n|---|---|---|")
    for _, param in ipairs(entry.params) do
        add(out, "| `%s` | %s | %s |", param[1], cell(param[2]), cell(param[3]))
        add_fields(out, param.fields or description.records[param[2]:match("%w+$")], ". ")
    end
end

local function returned(entry)
    local parts = {}
    for i, value in ipairs(entry.returns or {}) do
        local text = value[3] and value[3] ~= "" and ": " .. value[3] or ""
        parts[i] = ("`%s` %s%s"):format(value[1], value[2], text)
    end
    if #parts == 0 then return "nothing" end
    return table.concat(parts, ", ") .. (entry.fails and ", or nil and an `err`" or "")
end

local function add_call(out, entry)
    add(out, "### `%s`\n\n%s\n", signature(entry), entry.summary)
    add(out, "- **Where:** %s · **Waits:** %s", WHERE[entry.where] or entry.where or "anywhere",
        entry.waits and "yes" or "no")
    add(out, "- **Returns:** %s", returned(entry))
    if entry.fails then add(out, "- **Errors:** %s", table.concat(entry.fails, " · ")) end
    add_params(out, entry)
    if entry.example then
        add(out, "\n```lua\n%s\n```", (entry.example:gsub("\n$", "")))
    end
    out[#out + 1] = ""
end

local function section(out, class, title)
    local calls, fields = {}, {}
    for _, entry in ipairs(description.entries) do
        if entry.class == class then
            table.insert(entry.kind == "field" and fields or calls, entry)
        end
    end
    if #calls + #fields == 0 then return end
    add(out, "## %s\n", title)
    if #fields > 0 then
        add(out, "| Field | Type | |\n|---|---|---|")
        for _, entry in ipairs(fields) do
            add(out, "| `%s` | %s | %s |", entry.title, cell(entry.type), cell(entry.summary))
        end
        out[#out + 1] = ""
    end
    table.sort(calls, function(a, b) return a.title < b.title end)
    for _, entry in ipairs(calls) do add_call(out, entry) end
end

return function()
    local out, known = {}, {}
    add(out, "# Reference\n\nEvery name, made by `lunatrix docs --markdown` from the description "
        .. "that checks arguments too. [The API](README.md) has the same by topic, with more to "
        .. "say; `lunatrix docs ev:reply` shows one name.\n")
    for _, one in ipairs(ORDER) do
        known[one[1]] = true
        section(out, one[1], one[2])
    end
    for _, class in ipairs(description.classes) do
        if not known[class] then section(out, class, ("`%s`"):format(class)) end
    end
    return (table.concat(out, "\n"):gsub("%s+$", "\n"))
end
