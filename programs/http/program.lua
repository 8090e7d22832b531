-- socket.http and ltn12 against Python's http.server: bodies, headers, redirection, errors.
local http, ltn12, url = require "socket.http", require "ltn12", require "socket.url"
local base = "http://127.0.0.1:" .. arg[1]

local function show(body, code, headers, status)
    print(type(body) == "string" and #body or body, code, status)
    local names = {}
    for name in pairs(type(headers) == "table" and headers or {}) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        if name ~= "date" and name ~= "server" then
            print("", name, headers[name])
        end
    end
end

show(http.request(base .. "/text"))
show(http.request(base .. "/large"))
show(http.request(base .. "/redirect"))
show(http.request(base .. "/missing"))
show(http.request(base .. "/echo", "a body of the request"))
local chunks = {}
show(http.request {
    url = base .. "/echo?" .. url.escape("a b&c"), method = "PUT", source = ltn12.source.string(("x"):rep(100000)),
    headers = { ["content-length"] = 100000 }, sink = ltn12.sink.table(chunks),
})
print(#table.concat(chunks), #chunks > 1)
show(http.request { url = base .. "/text", method = "HEAD" })
print((http.request("http://127.0.0.1:1/")), (select(2, http.request("http://127.0.0.1:1/"))))
for _ = 1, 50 do
    assert(#http.request(base .. "/text") == 5)
end
print "end"
