-- How an entry of the description is written: "ev:reply(what [, opts])".
return function(entry)
    if entry.kind == "field" then return entry.title end
    local text, optional = "", 0
    for i, param in ipairs(entry.params) do
        local name = param[1]:gsub("%?$", "")
        local comma = i > 1 and ", " or ""
        if param.optional then
            text = text .. (i > 1 and " [" or "[") .. comma .. name
            optional = optional + 1
        else
            text = text .. ("]"):rep(optional) .. comma .. name
            optional = 0
        end
    end
    return ("%s(%s)"):format(entry.title, text .. ("]"):rep(optional))
end
