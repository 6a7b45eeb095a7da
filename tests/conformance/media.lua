-- Uploading and downloading.
local s = require "suite"

s.case("media", function()
    local alice = s.person("alice")
    alice:check("limits", "GET", "/_matrix/client/v1/media/config")
    local body = alice:check("upload", "POST", "/_matrix/media/v3/upload",
        { body = { tea = "green" }, query = { filename = "tea.json" } })
    s.note("its address", (body.content_uri or ""):find("^mxc://[^/]+/%w+$") ~= nil)
    local server, id = (body.content_uri or "mxc://a/b"):match("^mxc://([^/]+)/(.+)$")
    alice:check("download", "GET", s.path("/_matrix/client/v1/media/download/%s/%s", server, id),
        { show = { "tea" } })
    alice:check("download under a name", "GET",
        s.path("/_matrix/client/v1/media/download/%s/%s/%s", server, id, "x.json"),
        { show = { "tea" } })
    alice:check("what is not there", "GET",
        s.path("/_matrix/client/v1/media/download/%s/%s", server, "none"))
    s.stranger():check("download", "GET",
        s.path("/_matrix/client/v1/media/download/%s/%s", server, id))
end)
