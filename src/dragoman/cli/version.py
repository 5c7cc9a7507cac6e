"""`dragoman version`: what is installed."""

from __future__ import annotations

import platform

from dragoman import __version__
from dragoman.cli.options import Switch


def version(*, json: Switch = False) -> int:
    """Tell the versions of Dragoman, Python and the system.

    Parameters
    ----------
    json
        Print JSON.
    """
    facts = {
        "dragoman": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if json:
        from dragoman.cli.say import as_json

        print(as_json(facts))
    else:
        print("dragoman {dragoman}, Python {python}, {system}".format(**facts))
    return 0
