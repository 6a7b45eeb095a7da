-- Files: kept as the bytes that came.

local rooms = require "homeserver.rooms"

local M = { ops = {} }

local LARGEST = 50 << 20

function M.ops.media_config()
    return { ["m.upload.size"] = LARGEST }
end

function M.ops.upload(server, request)
    if #request.raw > LARGEST then rooms.refuse(413, "M_TOO_LARGE", "Too large") end
    local id = "media" .. server:next_id()
    server.media[id] = { bytes = request.raw, name = request.query.filename,
        type = request.headers["content-type"] or "application/octet-stream" }
    return { content_uri = ("mxc://%s/%s"):format(server.name, id) }
end

function M.ops.download(server, _, name, id, filename)
    local media = name == server.name and server.media[id]
    if not media then rooms.refuse(404, "M_NOT_FOUND", "Not found") end
    local shown = filename or media.name
    return nil, { bytes = media.bytes, headers = { ["content-type"] = media.type,
        ["content-disposition"] = "inline" .. (shown and "; filename=" .. shown or "") } }
end

return M
