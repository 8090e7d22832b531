-- The cosockets of ngx_lua, in a timer that nginx calls after its start; the connection to the runner is a cosocket, too.
local function serve()
    local runner = ngx.socket.tcp()
    runner:settimeouts(10000, 3600000, 3600000) -- milliseconds; the runner ends the connection
    assert(runner:connect("127.0.0.1", tonumber(os.getenv("LUASOCKET_ADAPTER_PORT"))))
    assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))({
        read = function() return (runner:receive("*l")) end,
        write = function(line) assert(runner:send(line .. "\n")) end,
        module = { tcp = ngx.socket.tcp, udp = ngx.socket.udp, connect = ngx.socket.connect },
        name = "ngx.socket",
        dialect = "luasocket-3",
        runtime = "nginx, ngx_lua " .. ngx.config.ngx_lua_version,
    })
    os.exit(0)
end

assert(ngx.timer.at(0, serve))
