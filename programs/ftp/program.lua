-- socket.ftp against pyftpdlib: store, list, retrieve, and a file that is not there.
local ftp, ltn12 = require "socket.ftp", require "ltn12"
local base = "ftp://user:secret@127.0.0.1:" .. arg[1]
local content = ("line\r\n"):rep(5000)
print(ftp.put(base .. "/stored.bin;type=i", content))
local back = ftp.get(base .. "/stored.bin;type=i")
print(#back, back == content)
local chunks = {}
print(ftp.get { host = "127.0.0.1", port = arg[1], user = "user", password = "secret", command = "nlst", argument = ".",
    sink = ltn12.sink.table(chunks) })
print(table.concat(chunks))
print(ftp.get(base .. "/missing;type=i"))
print(ftp.get("ftp://user:wrong@127.0.0.1:" .. arg[1] .. "/stored.bin"))
print "end"
