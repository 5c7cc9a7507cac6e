"""The whole configuration in the database, under one version."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import ProjectTable, RoleTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import SsoTable
from dragoman.store.api_keys import SqlKeys
from dragoman.store.books import Books, version_of
from dragoman.store.ports import Configured, Setting
from dragoman.store.sealing import of_channel, of_nothing, of_setting, of_sso
from dragoman.store.shelves import SqlShelf
from dragoman.store.users import ROLE_KIND, enabled_logins


class SqlConfiguration:
    """What the gateway works with."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.channels = SqlShelf(books, "channel", ChannelTable, of_channel)
        self.overrides = SqlShelf(books, "override", OverrideTable, of_nothing, in_use=self._taken_by)
        self.profiles = SqlShelf(books, "profile", ProfileTable, of_nothing, in_use=self._extended_by)
        self.projects = SqlShelf(books, "project", ProjectTable, of_nothing)
        self.models = SqlShelf(books, "model", ModelTable, of_nothing)
        self.prices = SqlShelf(books, "price", Setting, of_nothing)
        self.settings = SqlShelf(books, "setting", Setting, of_setting)
        self.sso = SqlShelf(books, "sso", SsoTable, of_sso)
        self.roles = SqlShelf(books, ROLE_KIND, RoleTable, of_nothing)
        self.keys = SqlKeys(books)

    async def version(self) -> int:
        """Rises with every change, whichever replica made it."""
        return await self._books.version()

    async def load(self) -> Configured:
        """Everything that is not archived, as of one moment."""
        return await self._books.read(self._load)

    def watch(self, every_s: float = 1.0) -> AsyncIterator[int]:
        """The version now, and again whenever it has changed."""
        return self._books.watch(every_s)

    def look(self) -> None:
        """`watch` looks at once, for another replica has told of a change."""
        self._books.look()

    def pepper(self) -> bytes:
        """What digests of keys and tokens are made with."""
        return self._books.pepper

    async def _taken_by(self, connection: AsyncConnection, name: str) -> tuple[str, ...]:
        """The channels that name a set of changes."""
        rows = await self.channels.rows(connection)
        return tuple(row.spec.name for row in rows if name in row.spec.overrides)

    async def _extended_by(self, connection: AsyncConnection, name: str) -> tuple[str, ...]:
        """The profiles that read the rules of another."""
        return tuple(row.spec.name for row in await self.profiles.rows(connection) if row.spec.extends == name)

    async def _load(self, connection: AsyncConnection) -> Configured:
        return Configured(
            version=await version_of(connection),
            channels=await self.channels.with_secrets(connection),
            profiles=await self.profiles.rows(connection),
            projects=await self.projects.rows(connection),
            keys=await self.keys.rows(connection),
            overrides=await self.overrides.rows(connection),
            models=await self.models.rows(connection),
            prices=await self.prices.rows(connection),
            sso=await self.sso.with_secrets(connection),
            settings={row.spec.name: row.spec.value for row in await self.settings.with_secrets(connection)},
            owners=await enabled_logins(connection),
        )
