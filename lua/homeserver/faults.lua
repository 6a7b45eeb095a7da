-- Faults on demand, and the answers of other web servers.

local M = {}

-- The next `times` requests of an operation: refused with a status and body,
-- or, with drop, done and their answer lost.
function M.add(server, fault)
    fault.times = fault.times or 1
    table.insert(server.faults, fault)
end

-- The fault that befalls a request, used up by that.
function M.strike(server, op)
    for i, fault in ipairs(server.faults) do
        if fault.op == op or fault.op == "any" then
            fault.times = fault.times - 1
            if fault.times == 0 then table.remove(server.faults, i) end
            return fault
        end
    end
end

-- What a URL outside the homeserver answers: nil when nothing is set for it.
-- A URL that ends in "*" stands for all that begin so.
function M.web(server, url)
    local best
    for stub, reply in pairs(server.web) do
        local prefix = stub:match("^(.*)%*$")
        if stub == url then return reply end
        if prefix and url:sub(1, #prefix) == prefix and (not best or #prefix > #best.prefix) then
            best = { prefix = prefix, reply = reply }
        end
    end
    return best and best.reply
end

return M
