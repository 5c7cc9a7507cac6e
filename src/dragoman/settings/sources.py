"""The places that settings are read from: the file, `.env`, and what `env:NAME` and `file:PATH` refer to."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream
from msgspec import Struct

from dragoman.settings.record import Notice
from dragoman.shapes.secret import Secret

FILE_NAME = "dragoman.toml"
HOME_FOLDER = Path(".config") / "dragoman"

_REFERENCE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def find_file(named: str | None, cwd: Path, home: Path) -> Path | None:
    """The configuration file: the named one, else the one in the working folder, else the one in the home folder."""
    if named:
        return cwd / expanded(named, home)
    places = (cwd / FILE_NAME, home / HOME_FOLDER / FILE_NAME)
    return next((place for place in places if place.exists()), None)


def expanded(path: str, home: Path) -> Path:
    """The path with a leading `~` replaced by the home folder."""
    return home / path[1:].lstrip("/\\") if path == "~" or path.startswith(("~/", "~\\")) else Path(path)


def read_file(file: Path, faults: list[Notice]) -> dict[str, object]:
    """The tables of a TOML file; empty if `faults` grew."""
    try:
        # A BOM is what editors on Windows put first; TOML knows none.
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        faults.append(Notice(str(file), "The file does not exist.", "Correct the path, or create the file."))
    except OSError as found:
        faults.append(Notice(str(file), f"The file cannot be read: {found.strerror}.", "Correct its permissions."))
    except UnicodeDecodeError as found:
        faults.append(Notice(str(file), f"Byte {found.start} is not UTF-8.", "Save the file as UTF-8."))
    except tomllib.TOMLDecodeError as found:
        faults.append(Notice(str(file), f"This is not TOML: {found}.", "Correct it at that place."))
    return {}


def read_dotenv(file: Path, environ: Mapping[str, str], notices: list[Notice]) -> dict[str, str]:
    """The variables of a `.env` file; none if there is none. `${NAME}` is replaced, as dotenv loaders do."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        notices.append(Notice(str(file), "The file cannot be read as UTF-8 text.", "It was ignored; correct it."))
        return {}
    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            line = binding.original.line
            notices.append(Notice(f"{file}:{line}", "The line is not NAME=value.", "It was ignored; correct it."))
        elif binding.key and binding.value is not None:
            # The environment goes before the file, so references resolve in that order too.
            seen = {**values, **environ}
            values[binding.key] = _REFERENCE.sub(
                lambda reference, seen=seen: seen.get(reference[1], reference[2] or ""),  # type: ignore[misc]
                binding.value,
            )
    return values


class Secrets(Struct, frozen=True):
    """Where `env:NAME` and `file:PATH` lead."""

    environ: Mapping[str, str]
    folder: Path
    """Relative paths start here."""
    home: Path
    refers: bool = True
    """Whether they lead anywhere; if not, every text is itself the secret."""

    def resolve(self, text: str, where: str, faults: list[Notice]) -> Secret:
        """The secret that a setting holds or refers to; empty if `faults` grew."""
        if not self.refers:
            return Secret(text.strip())
        kind, _, name = text.partition(":")
        match kind:
            case "env":
                return self._from_environment(name.strip(), where, faults)
            case "file":
                return self._from_file(name.strip(), where, faults)
            case _ if text.startswith("$"):
                name = text.strip("${}")
                faults.append(Notice(where, "Variables are not written with '$' here.", f'Write "env:{name}".'))
                return Secret("")
            case _:
                return Secret(text.strip())

    def _from_environment(self, name: str, where: str, faults: list[Notice]) -> Secret:
        value = self.environ.get(name, "").strip()
        if not value:
            faults.append(Notice(where, f"The variable {name} is not set.", "Set it in the environment or in .env."))
        return Secret(value)

    def _from_file(self, path: str, where: str, faults: list[Notice]) -> Secret:
        file = self.folder / expanded(path, self.home)
        try:
            value = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            faults.append(Notice(where, f"The file {file} cannot be read.", "Correct the path or its permissions."))
            return Secret("")
        if not value:
            faults.append(Notice(where, f"The file {file} is empty.", "Put the secret into it."))
        return Secret(value)
