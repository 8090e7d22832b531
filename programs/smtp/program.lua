-- socket.smtp with a MIME message against aiosmtpd, and a refusal.
local smtp, mime, ltn12 = require "socket.smtp", require "mime", require "ltn12"

local message = smtp.message {
    headers = { to = "you@example.org", subject = "A message", date = "Thu, 1 Jan 2026 00:00:00 +0000",
        ["message-id"] = "<1@example.org>" },
    body = {
        preamble = "a preamble",
        [1] = { body = mime.eol(0, "one line\n.\n..two dots\nthe last") },
        [2] = { headers = { ["content-type"] = "application/octet-stream", ["content-transfer-encoding"] = "BASE64" },
            body = ltn12.source.chain(ltn12.source.string(("\0\255"):rep(3000)),
                ltn12.filter.chain(mime.encode "base64", mime.wrap())) },
    },
}
print(smtp.send { from = "<me@example.org>", rcpt = { "<you@example.org>", "<two@example.org>" }, source = message,
    server = "127.0.0.1", port = arg[1], domain = "example.org" })
print(smtp.send { from = "<me@example.org>", rcpt = "<nobody@example.org>", source = ltn12.source.string("x"),
    server = "127.0.0.1", port = arg[1], domain = "example.org" })
print(smtp.send { from = "<me@example.org>", rcpt = "<you@example.org>", source = ltn12.source.string("x"),
    server = "127.0.0.1", port = 1 })
print "end"
