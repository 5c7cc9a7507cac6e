"""What the configuration looks like once it has been read: frozen, and each value with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from dragoman.routing.snapshot import Snapshot
from dragoman.shapes.fields import UpstreamErrors
from dragoman.shapes.secret import Secret
from dragoman.shapes.sso import Sso
from dragoman.shapes.tuning import TuningTable

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "text", "json"]


class Notice(Struct, frozen=True):
    """Something whoever starts the gateway should know."""

    where: str
    """The file, variable or flag it is about, as `dragoman.toml: server.port`."""
    what: str
    """What was found, as a sentence."""
    remedy: str
    """What to do, as a sentence."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.remedy}"


class SettingsRefused(Exception):  # noqa: N818 - it carries findings and is no error of the program
    """The configuration cannot be used; `faults` tells everything that is wrong with it, not only the first."""

    def __init__(self, faults: tuple[Notice, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Flags(Struct, frozen=True, kw_only=True):
    """What the command line said; None where it said nothing."""

    host: str | None = None
    port: int | None = None
    config: str | None = None
    log_level: str | None = None
    open: bool = False
    demo: bool = False


class Server(Struct, frozen=True, kw_only=True):
    """How this process listens, remembers and reports."""

    host: str
    port: int
    """0 takes a free one."""
    api_keys: tuple[Secret, ...]
    """Keys that clients must present one of; none means that anyone who can connect may ask."""
    data_dir: Path
    database: Secret = Secret("")
    """URL of the database, which may hold a password; empty: a file in the folder."""
    master_key: Secret = Secret("")
    """What secrets in the database are sealed with; empty: a key in the folder, made at the first start."""
    redis: Secret = Secret("")
    """URL of the Redis or Valkey that replicas share, which may hold a password; empty: this is the only replica."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the proxies before us whose word on a client's address counts."""
    bodies_days: int = 0
    """Days that what was asked and answered is kept; 0: not at all, but for keys that say so."""
    upstream_errors: UpstreamErrors = "told"
    """What clients are told of an upstream's error."""
    upstream_error_text: str = ""
    """What they are told where `upstream_errors` is `text`."""
    hosts: tuple[str, ...] = ()
    """Names by which the console and the admin API may be asked for, beside addresses and `localhost`."""
    open: bool
    """Whether it may listen off loopback without keys."""
    needs_stored_keys: bool = False
    """Whether it may listen there only if the database holds what keeps strangers out."""
    log_level: LogLevel
    log_format: LogFormat
    """`auto`: text on a terminal, JSON lines elsewhere."""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that was configured."""

    server: Server
    snapshot: Snapshot
    file: Path | None = None
    """The configuration file that was read."""
    sources: Mapping[str, str]
    """Where each value came from, as `server.port` to `DRAGOMAN_PORT (environment)`."""
    tuning: TuningTable = TuningTable()
    """What `[settings]` of the file says."""
    sso: tuple[Sso, ...] = ()
    """The identity providers that people may sign in by."""
    notices: tuple[Notice, ...] = ()
    """To be told at start, most important first."""
