-- matrix.crypto, matrix.base64, matrix.uuid

local core = ...
local secret = core.require "secret"

local M = {}

local function shown(digest, opts)
    return opts and opts.raw and digest or core.hex(digest)
end

M.crypto = {
    sha256 = function(text, opts) return shown(core.sha256(secret.text(text)), opts) end,
    hmac = function(key, text, opts)
        return shown(core.hmac(secret.text(key), secret.text(text)), opts)
    end,
    equal = function(a, b) return core.equal(secret.text(a), secret.text(b)) end,
}

local function encode(text, opts)
    local out = core.base64_encode(secret.text(text))
    if opts and opts.url then out = out:gsub("[+/]", { ["+"] = "-", ["/"] = "_" }) end
    if opts and opts.padding == false then out = out:gsub("=+$", "") end
    return out
end

M.base64 = { encode = encode, decode = core.base64_decode }

-- Version 4: random.
function M.uuid()
    local b = table.pack(core.random(16):byte(1, 16))
    b[7] = b[7] & 0x0f | 0x40
    b[9] = b[9] & 0x3f | 0x80
    return (("XXXX-XX-XX-XX-XXXXXX"):gsub("X", "%%02x"):format(table.unpack(b, 1, 16)))
end

return M
