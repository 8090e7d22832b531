"""Serves the documents that the program requests; prints its port first."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Send a response."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:  # the library's name
        """Answer GET."""
        match self.path:
            case "/text":
                self.reply(b"hello")
            case "/large":
                self.reply(b"0123456789" * 50_000)
            case "/redirect":
                self.reply(b"", 302, Location="/text")
            case _:
                self.reply(b"nothing here", 404)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Send the body back."""
        self.reply(self.rfile.read(int(self.headers["Content-Length"])))

    do_PUT = do_POST  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
