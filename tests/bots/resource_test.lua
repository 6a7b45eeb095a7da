local t = require "matrix.test"
local ALICE = "@alice:test"

t.case("it is read beside the script", function(w)
    local room = w:room{ members = { ALICE } }
    room:say(ALICE, "!rules")
    t.eq(room:last().body, "be kind\n")
    room:say(ALICE, "!read texts/rules.txt")
    t.eq(room:last().body, "be kind\n")
end)

for _, case in ipairs({
    { "texts/none.txt", "^store: cannot read .*texts/none.txt: No such file" },
    { "texts", "^store: cannot read .*: it is not a file" },
    { "../lua/harness.lua", "^raised .*resource.lua:%d+: .*is not a file below" },
    { "/etc/passwd", "^raised .*is not a file below" },
}) do
    t.case("refused: " .. case[1], function(w)
        local room = w:room{ members = { ALICE } }
        room:say(ALICE, "!read " .. case[1])
        t.match(room:last().body, case[2])
    end)
end
