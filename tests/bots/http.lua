-- Makes the request that it is asked for.
local api = "https://api.test/items/1"
local calls = {
    get = function() return matrix.http.get(api, { query = { page = 2 } }) end,
    post = function() return matrix.http.post(api, { n = 1 }) end,
    put = function() return matrix.http.put(api, { n = 2 }) end,
    delete = function() return matrix.http.delete(api) end,
    patch = function() return matrix.http.request("PATCH", api, { body = "raw" }) end,
}

bot:command("do <what>", "make a request", function(ev, args)
    local res = assert(calls[args.what]())
    ev:reply(("%d %s"):format(res.status, res.body))
end)
