-- `lunatrix docs NAME`: what the description says of a name, as text.

local core = ...
local description = core.require "description"
local signature = core.require "signature"
local suggest = core.require "suggest"
description.extend("test")

local WHERE = { load = "while the script loads", task = "in a task", any = "anywhere" }

local function add(out, format, ...)
    out[#out + 1] = (format:format(...):gsub("%s+$", ""))
end

local function add_fields(out, fields, indent)
    for _, field in ipairs(fields or {}) do
        add(out, "%s%-14s %-16s %s", indent, field[1], field[2], field[3] or "")
    end
end

local function add_params(out, entry)
    for _, param in ipairs(entry.params) do
        add(out, "  %-16s %-16s %s", param[1], param[2], param[3] or "")
        add_fields(out, param.fields or description.records[param[2]:match("%w+$")], "      ")
    end
end

local function add_call(out, entry)
    add_params(out, entry)
    add(out, "  where:   %s%s", WHERE[entry.where] or entry.where or "anywhere",
        entry.waits and "; waits" or "")
    for _, value in ipairs(entry.returns or {}) do
        add(out, "  returns: %s (%s)%s%s", value[1], value[2],
            value[3] and value[3] ~= "" and ": " .. value[3] or "",
            entry.fails and ", or nil and an error" or "")
    end
    for _, text in ipairs(entry.fails or {}) do add(out, "  error:   %s", text) end
    if entry.example then
        add(out, "\n    %s", (entry.example:gsub("\n", "\n    ")))
    end
end

local function page(entry)
    local out = {}
    add(out, "%s", signature(entry))
    if entry.kind == "field" then
        add(out, "  %s%s", entry.type, entry.summary ~= "" and ": " .. entry.summary or "")
    else
        add(out, "  %s", entry.summary)
        add_call(out, entry)
    end
    return table.concat(out, "\n") .. "\n"
end

local function list()
    local out = {}
    for _, entry in ipairs(description.entries) do
        add(out, "%-44s %s", signature(entry), entry.summary or "")
    end
    table.sort(out)
    return table.concat(out, "\n") .. "\n"
end

-- "event.reply", "ev:reply", "reply", "Event:reply": how people may write it.
local function matches(entry, name)
    return entry.title:lower():gsub(":", ".") == name or entry.name:lower() == name
        or (entry.class .. "." .. entry.name):lower() == name
end

-- What a class is called: "Event", "ev", "bot.store", "matrix.http".
local function is_class(class, name)
    return class:lower() == name or (description.objects[class] or ""):lower() == name
end

-- Its names, a line each.
local function members(class)
    local lines = {}
    for _, entry in ipairs(description.entries) do
        if entry.class == class then
            lines[#lines + 1] = ("  %-42s %s"):format(signature(entry), entry.summary or "")
        end
    end
    table.sort(lines)
    local object = description.objects[class] or class
    local title = object == class and class or ("%s: %s"):format(object, class)
    return title .. "\n" .. table.concat(lines, "\n"):gsub(" +\n", "\n") .. "\n"
end

-- A table of options that has a name: "CommandOptions".
local function record_page(name)
    local out = { name .. ": a table" }
    add_fields(out, description.records[name], "  ")
    return table.concat(out, "\n") .. "\n"
end

-- The text, or nil and why there is none.
return function(name)
    if not name then return list() end
    local wanted = name:lower():gsub("%(.*$", ""):gsub(":", ".")
    local pages, titles = {}, {}
    for _, class in ipairs(description.classes) do
        titles[class], titles[description.objects[class] or class] = true, true
        if is_class(class, wanted) then pages[#pages + 1] = members(class) end
    end
    for record in pairs(description.records) do
        titles[record] = true
        if record:lower() == wanted then pages[#pages + 1] = record_page(record) end
    end
    for _, entry in ipairs(description.entries) do
        titles[entry.title], titles[entry.name] = true, true
        if matches(entry, wanted) then pages[#pages + 1] = page(entry) end
    end
    if #pages > 0 then return table.concat(pages, "\n") end
    return nil, ("there is no '%s'%s; `lunatrix docs` lists all names"):format(
        name, suggest.hint(name, titles))
end
