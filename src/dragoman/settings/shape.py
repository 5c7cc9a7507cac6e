"""The tables of `dragoman.toml`: `[server]` and the whole; all else is described in `shapes`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dragoman.settings.record import LogFormat, LogLevel
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.fields import ErrorText, PlainName, UpstreamErrors, Word
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import SsoTable
from dragoman.shapes.tuning import TuningTable

Days = Annotated[int, Meta(ge=0, le=3650)]
Port = Annotated[int, Meta(ge=0, le=65535)]


class ServerTable(Struct, frozen=True, kw_only=True):
    """`[server]`"""

    host: Word | None = None
    port: Port | None = None
    api_keys: tuple[Word, ...] | None = None
    data_dir: Word | None = None
    database: Word | None = None
    master_key: Word | None = None
    redis: Word | None = None
    trusted_proxies: tuple[Word, ...] | None = None
    hosts: tuple[Word, ...] | None = None
    bodies_days: Days | None = None
    upstream_errors: UpstreamErrors | None = None
    upstream_error_text: ErrorText | None = None
    log_level: LogLevel | None = None
    log_format: LogFormat | None = None


class FileTables(Struct, frozen=True, kw_only=True):
    """The whole file"""

    server: ServerTable = ServerTable()
    settings: TuningTable = TuningTable()
    channels: tuple[ChannelTable, ...] = ()
    models: tuple[ModelTable, ...] = ()
    profiles: tuple[ProfileTable, ...] = ()
    overrides: tuple[OverrideTable, ...] = ()
    sso: tuple[SsoTable, ...] = ()
    proxies: dict[PlainName, Word] = {}
    """Addresses of HTTP proxies by the names that channels may use for them."""
