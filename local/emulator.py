"""The emulator's own process: the mends, then MiniStack, served on a socket that `local.process` opened.

Runs in .venv/emulator, where neither sam nor the tests are.
"""

import asyncio
import os
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack

from local import mails, mends


def main() -> None:
    # Off only for the tests that tell which mends a newer emulator still needs.
    if os.environ.get("GATEHOUSE_MENDS") != "off":
        mends.apply()
    config = Config()
    config.bind = [f"fd://{os.environ['GATEHOUSE_SOCKET']}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    asyncio.run(_serve(mails.beside(ministack.app), config))


async def _serve(app: Any, config: Config) -> None:
    # All state is in memory, so SIGTERM may end the process as it does by default. MiniStack's own main(), and
    # Hypercorn without this trigger, would wait for connections and functions that never finish.
    await serve(app, config, shutdown_trigger=asyncio.Event().wait)


if __name__ == "__main__":
    main()
