-- What can be said of a script without running it: names that do not exist,
-- among globals and, by the description, in matrix, bot, events and the other
-- objects whose class can be seen. A parser that resolves names as it goes.

local core = ...
local description = core.require "description"
local lexer = core.require "lint_lexer"
local suggest = core.require "suggest"

local M = {}

local HOOKS = { load = true, snapshot = true, unload = true }
local classes = {}
for _, class in ipairs(description.classes) do classes[class] = true end

local P = {}  -- the parser's methods
P.__index = P

-- ---- tokens ----

function P:peek(offset)
    return self.tokens[math.min(self.at + (offset or 0), #self.tokens)]
end

function P:is(kind)
    return self.tokens[self.at].kind == kind
end

local function fail(token, message)
    error({ line = token.line, col = token.col, message = message }, 0)
end

function P:next()
    local token = self.tokens[self.at]
    self.at = math.min(self.at + 1, #self.tokens)
    return token
end

function P:accept(kind)
    return self:is(kind) and self:next() or nil
end

function P:expect(kind)
    if not self:is(kind) then
        local token = self:peek()
        fail(token, ("'%s' expected near '%s'"):format(kind, token.value or token.kind))
    end
    return self:next()
end

function P:find(token, message)
    local found = self.findings
    found[#found + 1] = {
        line = token.line, col = token.col, level = "error", message = message,
    }
end

-- ---- names ----

function P:open() self.scope = { outer = self.scope, names = {} } end
function P:close() self.scope = self.scope.outer end

function P:declare(name, class)
    self.scope.names[name] = { class = class }
end

function P:lookup(name)
    local scope = self.scope
    while scope do
        if scope.names[name] then return scope.names[name] end
        scope = scope.outer
    end
    return nil
end

-- The class of an entry's value, when it is one class.
local function class_of_type(text)
    return classes[text] and text or nil
end

-- .name or :name of something of that class: the entry.
function P:member(class, token)
    local entry = description.find(class, token.value)
    if entry or class == "Error" then return entry end
    local object = description.objects[class] or class
    self:find(token, ("%s has no field '%s'%s"):format(
        object, token.value, suggest.hint(token.value, description.names(class))))
    return nil
end

-- Unknown fields in a table that is written out in a call.
function P:check_fields(entry, arguments)
    for i, argument in ipairs(arguments) do
        local param = entry.params[i]
        local known = {}
        local function add(fields)
            for _, field in ipairs(fields or {}) do known[(field[1]:gsub("%?$", ""))] = true end
        end
        add(param and param.fields)
        for word in (param and param[2] or ""):gmatch("[^|]+") do add(description.records[word]) end
        if next(known) and argument.keys then
            for _, key in ipairs(argument.keys) do
                if not known[key.value] then
                    self:find(key, ("unknown field '%s'%s"):format(
                        key.value, suggest.hint(key.value, known)))
                end
            end
        end
    end
end

-- ---- expressions ----
-- Each returns what is known of the value: { class, text, keys, entry (what is
-- called), made_by (the entry it is the result of), variable, global, token }.

function P:table_constructor()
    local keys = {}
    self:expect("{")
    while not self:is("}") do
        if self:accept("[") then
            self:expression()
            self:expect("]")
            self:expect("=")
            self:expression()
        elseif self:is("name") and self:peek(1).kind == "=" then
            keys[#keys + 1] = self:next()
            self:next()
            self:expression()
        else
            self:expression()
        end
        if not (self:accept(",") or self:accept(";")) then break end
    end
    self:expect("}")
    return { keys = keys }
end

-- After `function`: parameters and body. first: class of the first parameter.
function P:function_body(first, is_method)
    self:open()
    if is_method then self:declare("self") end
    self:expect("(")
    while not self:is(")") do
        if self:accept("...") then break end
        self:declare(self:expect("name").value, first)
        first = nil
        if not self:accept(",") then break end
    end
    self:expect(")")
    self:block()
    self:expect("end")
    self:close()
    return {}
end

-- Is the first argument the name of what a script emits? That is no Event.
local function is_emitted(arguments)
    local name = arguments[1] and arguments[1].text
    return name and name:sub(1, 7) == "script:"
end

-- The class of the first parameter of a function that is given to a call.
local function handler_class(entry, arguments)
    if not entry or entry.class ~= "bot" then return nil end
    if entry.name == "command" or entry.name == "hear" then return "Event" end
    local name = arguments[1] and arguments[1].text
    local has_event = name and name ~= "ready" and not HOOKS[name] and not is_emitted(arguments)
    return entry.name == "on" and has_event and "Event" or nil
end

function P:arguments(entry)
    if self:is("string") then return { { text = self:next().value } } end
    if self:is("{") then return { self:table_constructor() } end
    local list = {}
    self:expect("(")
    while not self:is(")") do
        if self:is("function") then
            self:next()
            list[#list + 1] = self:function_body(handler_class(entry, list))
        else
            list[#list + 1] = self:expression()
        end
        if not self:accept(",") then break end
    end
    self:expect(")")
    return list
end

-- What a call gives, as far as known.
function P:call(callee)
    local entry = callee.entry
    local arguments = self:arguments(entry)
    if callee.global == "assert" then
        return { class = arguments[1] and arguments[1].class }
    elseif callee.global == "require" and arguments[1] and arguments[1].text == "matrix" then
        return { class = "matrix" }
    end
    if not entry then return {} end
    self:check_fields(entry, arguments)
    local first = entry.returns and entry.returns[1]
    if entry.name == "wait_for" and is_emitted(arguments) then first = nil end
    return { class = first and class_of_type(first[2]), made_by = entry }
end

function P:primary()
    if self:accept("(") then
        local inner = self:expression()
        self:expect(")")
        return { class = inner.class }
    end
    local token = self:expect("name")
    local variable = self:lookup(token.value)
    if variable then return { class = variable.class, variable = variable } end
    self.reads[#self.reads + 1] = token
    local name = token.value
    local class = (name == "matrix" or name == "bot") and self.known[name] and name or nil
    return { class = class, global = name, token = token }
end

local CALLS = { ["("] = true, ["{"] = true, string = true }

-- A variable, field or call.
function P:suffixed()
    local value = self:primary()
    while true do
        if self:accept(".") then
            local token = self:expect("name")
            local entry = value.class and self:member(value.class, token)
            value = { entry = entry }
            if entry and entry.kind == "field" then value.class = class_of_type(entry.type) end
        elseif self:accept("[") then
            self:expression()
            self:expect("]")
            value = {}
        elseif self:accept(":") then
            local token = self:expect("name")
            local entry = value.class and self:member(value.class, token)
            if entry and entry.kind == "func" then
                self:find(token, ("%s is called with a dot, not with a colon"):format(entry.title))
            end
            value = self:call({ entry = entry })
            value.is_call = true
        elseif CALLS[self:peek().kind] then
            value = self:call(value)
            value.is_call = true
        else
            return value
        end
    end
end

local SIMPLE = { number = true, ["nil"] = true, ["true"] = true, ["false"] = true, ["..."] = true }
local UNARY = { ["not"] = true, ["-"] = true, ["#"] = true, ["~"] = true }
local BINARY = {}
for symbol in ("+ - * / // % ^ .. << >> & ~ | == ~= < <= > >= and or"):gmatch("%S+") do
    BINARY[symbol] = true
end

function P:operand()
    local kind = self:peek().kind
    if UNARY[kind] then
        self:next()
        self:operand()
        return {}
    elseif kind == "string" then
        return { text = self:next().value }
    elseif SIMPLE[kind] then
        self:next()
        return {}
    elseif kind == "{" then
        return self:table_constructor()
    elseif kind == "function" then
        self:next()
        return self:function_body()
    end
    return self:suffixed()
end

-- Precedence does not matter: only names do.
function P:expression()
    self.depth = self.depth + 1
    if self.depth > 150 then fail(self:peek(), "too deeply nested") end
    local value = self:operand()
    while BINARY[self:peek().kind] do
        self:next()
        self:operand()
        value = {}
    end
    self.depth = self.depth - 1
    return value
end

function P:expressions()
    local list = { self:expression() }
    while self:accept(",") do list[#list + 1] = self:expression() end
    return list
end

-- ---- statements ----

local ENDS = {
    ["end of file"] = true, ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true,
}

function P:block()
    while not ENDS[self:peek().kind] do
        if self:accept("return") then
            if not ENDS[self:peek().kind] and not self:is(";") then self:expressions() end
            self:accept(";")
            return
        end
        self:statement()
    end
end

function P:scoped_block()
    self:open()
    self:block()
    self:close()
end

local S = {}  -- keyword -> function(parser), after the keyword

S["if"] = function(p)
    p:expression()
    p:expect("then")
    p:scoped_block()
    while p:accept("elseif") do
        p:expression()
        p:expect("then")
        p:scoped_block()
    end
    if p:accept("else") then p:scoped_block() end
    p:expect("end")
end

S["while"] = function(p)
    p:expression()
    p:expect("do")
    p:scoped_block()
    p:expect("end")
end

S["do"] = function(p)
    p:scoped_block()
    p:expect("end")
end

S["repeat"] = function(p)
    p:open()
    p:block()
    p:expect("until")
    p:expression()
    p:close()
end

-- The class of the first loop variable of some iterators.
local function loop_class(entry)
    local first = entry and entry.returns and entry.returns[1]
    local class = first and first[2] == "function" and (first[3] or ""):match("^of (%w+)$")
    return class and classes[class] and class or nil
end

S["for"] = function(p)
    local names = { p:expect("name").value }
    if p:accept("=") then
        p:expressions()
        p:expect("do")
        p:open()
        p:declare(names[1])
    else
        while p:accept(",") do names[#names + 1] = p:expect("name").value end
        p:expect("in")
        local values = p:expressions()
        p:expect("do")
        p:open()
        for i, name in ipairs(names) do
            p:declare(name, i == 1 and loop_class(values[1].made_by) or nil)
        end
    end
    p:block()
    p:close()
    p:expect("end")
end

S["function"] = function(p)
    local value = p:primary()
    if value.token and not (p:is(".") or p:is(":")) then p:assigned(value) end
    while p:accept(".") do p:expect("name") end
    local is_method = p:accept(":") and p:expect("name")
    p:function_body(nil, is_method ~= nil and is_method ~= false)
end

S["goto"] = function(p) p:expect("name") end
S["::"] = function(p)
    p:expect("name")
    p:expect("::")
end
S["break"] = function() end
S[";"] = function() end

S["local"] = function(p)
    if p:accept("function") then
        p:declare(p:expect("name").value)
        p:function_body()
        return
    end
    local names, values = {}, {}
    repeat
        names[#names + 1] = p:expect("name").value
        if p:accept("<") then
            p:expect("name")
            p:expect(">")
        end
    until not p:accept(",")
    if p:accept("=") then values = p:expressions() end
    for i, name in ipairs(names) do p:declare(name, values[i] and values[i].class) end
end

-- A variable got a value: a global exists from now on, a local may be anything.
function P:assigned(value)
    if value.variable then value.variable.class = nil end
    if value.token then self.written[value.token.value] = true end
end

function P:statement()
    local keyword = S[self:peek().kind]
    if keyword then
        self:next()
        return keyword(self)
    end
    local start = self:peek()
    local targets = { self:suffixed() }
    if self:is("=") or self:is(",") then
        while self:accept(",") do targets[#targets + 1] = self:suffixed() end
        self:expect("=")
        self:expressions()
        for _, target in ipairs(targets) do self:assigned(target) end
    elseif not targets[1].is_call then
        fail(start, ("syntax error near '%s'"):format(start.value or start.kind))
    end
end

-- ---- the whole ----

local function undefined(parser)
    for _, token in ipairs(parser.reads) do
        local name = token.value
        if not parser.known[name] and not parser.written[name] then
            parser:find(token, ("undefined name '%s'%s"):format(
                name, suggest.hint(name, parser.known)))
        end
    end
end

local function set_of(names)
    local set = {}
    for key, value in pairs(names or {}) do set[type(key) == "number" and value or key] = true end
    return set
end

local function reads_name(parser, name)
    for _, token in ipairs(parser.reads) do
        if token.value == name then return true end
    end
    return false
end

-- known_globals: a list or set of names. Returns a list of { line, col,
-- level, message } in order of place, and whether the text is a bot: it names
-- `bot`. One that does not is a plain script and has `arg` instead.
function M.check(text, _, known_globals)
    local tokens, bad = lexer.tokens(text)
    local parser = setmetatable({
        tokens = tokens, at = 1, depth = 0, findings = {}, reads = {}, written = {},
        known = set_of(known_globals),
    }, P)
    parser.known._ENV = true
    local ok = tokens ~= nil
    if ok then
        ok, bad = pcall(function()
            parser:scoped_block()
            parser:expect("end of file")
        end)
        if not ok and type(bad) ~= "table" then error(bad, 0) end
    end
    if not ok then
        bad.level = "error"
        return { bad }, false
    end
    local is_bot = reads_name(parser, "bot")
    if not is_bot then parser.known.arg = true end
    undefined(parser)
    table.sort(parser.findings, function(a, b)
        return a.line < b.line or a.line == b.line and a.col < b.col
    end)
    return parser.findings, is_bot
end

return M
