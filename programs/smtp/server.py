"""Takes messages for all but nobody@example.org; prints its port first."""

from __future__ import annotations

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP


class Handler:
    """Accepts recipients and messages."""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Refuse one recipient."""
        if address.startswith("nobody"):
            return "550 nobody is not here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Say how long the message is, its boundaries apart."""
        lines = [line for line in envelope.content.splitlines() if b"==" not in line]
        return f"250 {len(envelope.rcpt_tos)} recipients, {len(lines)} lines"


async def main() -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="test"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
