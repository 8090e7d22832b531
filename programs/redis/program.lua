-- The client of Debian's lua-redis against redis-server: commands, a pipeline, a transaction, an error.
local redis = require "redis"
local client = redis.connect("127.0.0.1", arg[1])
print(client:ping(), client:set("key", ("value"):rep(10000)), #client:get("key"), client:get("missing"))
for i = 1, 200 do
    client:rpush("list", i)
end
print(client:llen("list"), table.concat(client:lrange("list", 0, 4), ","))
local replies = client:pipeline(function(pipe)
    for _ = 1, 100 do
        pipe:incr("counter")
    end
end)
print(#replies, replies[100])
print(pcall(client.lpush, client, "key", 1))
print(client:transaction(function(t) t:set("a", 1) t:get("a") end)[2])
client:quit()
print "end"
