-- lunatrix exec [--offline] tests/conformance/main.lua URL: one line an answer.
local suite = require "suite"

for _, name in ipairs({
    "accounts", "rooms", "members", "events", "reading", "sync", "data", "media",
}) do
    require(name)
end

suite.run(assert(arg[1], "usage: main.lua URL"))
