-- What a chat can show of a bot, for show.chat.

local HTML = [[
<h2>Title</h2><p>Hello <b>bold <i>both</i></b> and <code>x &lt; 1</code>,
next line</p><ul><li>one<ul><li>inner</li></ul></li>
<li>two <a href="https://example.org/">link</a></li></ul><ol start="3"><li>three</li></ol>
<blockquote><p>quoted<br>twice</p></blockquote><pre><code>local x = 1
  return x
</code></pre><p>bye <a href="https://matrix.to/#/@bob:try">bob</a> &amp; all</p>]]

local answers = {}

function answers.html(ev)
    ev:reply{ html = HTML }
end

-- Colours, a title, the other direction, a new line at the left.
function answers.evil(ev)
    ev:reply("a\27[31mred\27]0;title\7 \u{202E}turned\u{2066} \u{9b}31m\r\nnext")
    ev.room:send{ html = "<b>\27[31m&#27;[2J&#x202e;</b>" }
    ev.room:send_event("m.reaction", { ["m.relates_to"] = { rel_type = "m.annotation",
        event_id = ev.event_id, key = "x\27[1m" } })
end

function answers.act(ev)
    ev.room:send{ msgtype = "m.emote", body = "dances" }
    ev.room:send{ msgtype = "m.text", body = "plain text" }
    ev:react("👀")
    ev:reply("first"):edit("second")
end

function answers.file(ev)
    ev.room:send{ msgtype = "m.file", body = "all of it", content = { filename = "a.pdf",
        url = "mxc://test/x", info = { size = 12345, mimetype = "application/pdf" } } }
    ev.room:send{ msgtype = "m.video", body = "b.mp4", content = { url = "mxc://test/x",
        info = "none" } }
end

function answers.rule(ev)
    ev.room:set_state("m.room.topic", { topic = "all is\27[1m well" })
    ev.room:set_state("m.room.name", { name = "ruled" })
    ev.room:set_state("org.example.state", {})
    ev.room:kick("@bob:try", "too loud")
end

function answers.crash()
    print("about to", "fail")
    answers.nothing.x = 1
end

function answers.custom(ev)
    ev.room:send_event("org.example.thing", { a = 1 })
end

bot:on("message", function(ev)
    local answer = answers[ev.body]
    if answer then return answer(ev) end
    if ev.msgtype == "m.image" or ev.msgtype == "m.file" then
        ev:react("📎")
    elseif ev.body:find("^count") then
        bot.store:set("count", (bot.store:get("count") or 0) + 1)
    elseif ev.body:find("^later") then
        bot:after("1h", function() ev.room:send("an hour later") end)
    end
end)
