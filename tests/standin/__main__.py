"""The stand-in as a program: `python -m tests.standin --port 9100 --dialect openai_chat --script agent_run`."""

from __future__ import annotations

import argparse
import asyncio

import msgspec

from tests.standin.faults import FAULTS
from tests.standin.responders import RESPONDERS
from tests.standin.rules import Rules
from tests.standin.server import VOICES, StandIn
from tests.standin.shape import Shape


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one; the address is printed")
    parser.add_argument("--dialect", choices=sorted(VOICES), action="append", help="may be given twice; default: both")
    parser.add_argument("--script", choices=sorted(RESPONDERS), default="echo", help="what it answers")
    parser.add_argument("--cwd", help="where the agent run works; default: what the prompt names")
    parser.add_argument("--api-key", help="refuse every other key")
    parser.add_argument("--model", action="append", help="the models it has; default: any")
    parser.add_argument(
        "--shape", default="{}", help='JSON of Shape, such as \'{"writes": "byte", "newline": "\\r\\n"}\''
    )
    parser.add_argument("--faults", action="store_true", help="print the fault table and end")
    parser.add_argument("--lenient", action="store_true", help="do not refuse what the published schema refuses")
    return parser.parse_args()


async def serve(options: argparse.Namespace) -> None:
    standin = StandIn(
        RESPONDERS[options.script](options.cwd),
        dialects=options.dialect or VOICES,
        shape=msgspec.json.decode(options.shape, type=Shape),
        rules=Rules(strict=not options.lenient),
        api_key=options.api_key,
        models=options.model,
        port=options.port,
    )
    async with standin:
        print(standin.url, flush=True)
        await asyncio.Event().wait()


def table() -> str:
    """The fault table, a row a line."""
    rows = FAULTS.items()
    return "\n".join(f"{key:22} {row.stage:8} {','.join(row.modes):13} {row.what}" for key, row in rows)


def main() -> None:
    options = arguments()
    if options.faults:
        print(table())
    else:
        asyncio.run(serve(options))


if __name__ == "__main__":
    main()
