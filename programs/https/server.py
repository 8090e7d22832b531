"""Serves one large document over TLS, with a certificate of its own; prints its port first."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers with a megabyte."""

    def do_GET(self) -> None:  # the library's name
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"0123456789" * 100_000)

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
with tempfile.TemporaryDirectory() as directory:
    key, certificate = Path(directory, "key.pem"), Path(directory, "certificate.pem")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context.load_cert_chain(certificate, key)
with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()
