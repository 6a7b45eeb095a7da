-- A file on disk as the content of a message.

local M = {}

local LARGEST = 30 * 1000 * 1000

local TYPES = {
    png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", gif = "image/gif",
    webp = "image/webp", svg = "image/svg+xml", txt = "text/plain", md = "text/markdown",
    html = "text/html", css = "text/css", csv = "text/csv", json = "application/json",
    lua = "text/x-lua", pdf = "application/pdf", zip = "application/zip",
    gz = "application/gzip", tar = "application/x-tar", mp3 = "audio/mpeg", ogg = "audio/ogg",
    flac = "audio/flac", wav = "audio/wav", mp4 = "video/mp4", webm = "video/webm",
}

-- ---- pictures: type, width, height ------------------------------------------------

local function jpeg(bytes)
    local at = 3
    while at + 8 <= #bytes do
        local mark, kind, length = string.unpack(">BBI2", bytes, at)
        if mark ~= 0xFF then return nil end
        local is_frame = kind >= 0xC0 and kind <= 0xCF
            and kind ~= 0xC4 and kind ~= 0xC8 and kind ~= 0xCC
        if is_frame then
            local height, width = string.unpack(">I2I2", bytes, at + 5)
            return "image/jpeg", width, height
        end
        at = at + 2 + length
    end
end

local function webp(bytes)
    local kind = bytes:sub(13, 16)
    if kind == "VP8X" and #bytes >= 30 then
        local width, height = string.unpack("<I3I3", bytes, 25)
        return "image/webp", width + 1, height + 1
    elseif kind == "VP8L" and #bytes >= 25 then
        local bits = string.unpack("<I4", bytes, 22)
        return "image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elseif kind == "VP8 " and #bytes >= 30 then
        local width, height = string.unpack("<I2I2", bytes, 27)
        return "image/webp", width & 0x3FFF, height & 0x3FFF
    end
end

-- nil when it is no picture of a known kind.
local function picture(bytes)
    if bytes:find("^\x89PNG\r\n\x1A\n") and #bytes >= 24 then
        return "image/png", string.unpack(">I4I4", bytes, 17)
    elseif bytes:find("^GIF8[79]a") and #bytes >= 10 then
        return "image/gif", string.unpack("<I2I2", bytes, 7)
    elseif bytes:find("^\xFF\xD8\xFF") then
        return jpeg(bytes)
    elseif bytes:find("^RIFF....WEBP") then
        return webp(bytes)
    end
end

-- ---- reading --------------------------------------------------------------------

local function open(path)
    return io.open(path:gsub("^~/", (os.getenv("HOME") or "~") .. "/"), "rb")
end

-- "FILE", "FILE CAPTION" or '"FILE" CAPTION': an open file, its path, the rest.
local function find(text)
    local quoted, after = text:match('^"([^"]+)"%s*(.*)$')
    if not quoted then
        local whole = open(text)
        if whole then return whole, text, "" end
        quoted, after = text:match("^(%S+)%s*(.*)$")
    end
    local file, why = open(quoted)
    if not file then error("cannot read " .. why, 0) end
    return file, quoted, after
end

-- The bytes, and the content without its url. only_image: anything else is a
-- mistake.
function M.read(text, only_image)
    local file, path, caption = find(text)
    local bytes = file:read(LARGEST + 1) or ""
    local is_directory = bytes == "" and select(3, file:read(0)) == 21
    file:close()
    if is_directory then error(path .. " is a directory", 0) end
    if #bytes > LARGEST then error(path .. " is larger than 30 MB", 0) end
    local kind, width, height = picture(bytes)
    if only_image and not kind then
        error(path .. " is no PNG, JPEG, GIF or WebP; /file sends it as it is", 0)
    end
    local name = path:match("[^/]+$") or path
    local is_text = utf8.len(bytes) and not bytes:find("\0", 1, true)
    kind = kind or TYPES[(name:match("%.(%w+)$") or ""):lower()]
        or is_text and "text/plain" or "application/octet-stream"
    local class = only_image and "image" or kind:match("^(%a+)/")
    return bytes, {
        msgtype = class == "image" and width and "m.image" or class == "audio" and "m.audio"
            or class == "video" and "m.video" or "m.file",
        body = caption ~= "" and caption or name, filename = name,
        info = { mimetype = kind, size = #bytes, w = width, h = height },
    }
end

return M
