"""The whole configuration in the database, under one version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from dragoman.shapes.access import ProjectTable, RoleTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable, channels_of_profile, channels_within
from dragoman.shapes.sso import SsoTable
from dragoman.store.api_keys import SqlKeys
from dragoman.store.books import Books, version_of
from dragoman.store.ports import Configured, Setting
from dragoman.store.sealing import of_channel, of_nothing, of_setting, of_sso
from dragoman.store.shelves import Loaded, SqlShelf
from dragoman.store.users import ROLE_KIND, enabled_logins, members_of


class SqlConfiguration:
    """What the gateway works with."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.channels = SqlShelf(books, "channel", ChannelTable, of_channel, in_use=self._led_to_by)
        self.overrides = SqlShelf(books, "override", OverrideTable, of_nothing, in_use=self._taken_by)
        self.profiles = SqlShelf(books, "profile", ProfileTable, of_nothing, in_use=self._named_by)
        self.projects = SqlShelf(books, "project", ProjectTable, of_nothing, in_use=self._filled_by)
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
        return tuple(f"channel '{row.spec.name}'" for row in rows if name in row.spec.overrides)

    async def _led_to_by(self, connection: AsyncConnection, name: str) -> tuple[str, ...]:
        """The profiles and projects that name a channel."""
        profiles = await self.profiles.rows(connection)
        projects = await self.projects.rows(connection)
        return (
            *(f"profile '{row.spec.name}'" for row in profiles if name in channels_of_profile(row.spec)),
            *(f"project '{row.spec.name}'" for row in projects if name in channels_within(row.spec.channels)),
        )

    async def _named_by(self, connection: AsyncConnection, name: str) -> tuple[str, ...]:
        """The profiles that read the rules of another, and the API keys that are bound to it."""
        profiles, keys = await self.profiles.rows(connection), await self.keys.rows(connection)
        return (
            *(f"profile '{row.spec.name}'" for row in profiles if row.spec.extends == name),
            *(f"API key '{key.spec.name}'" for key in keys if name in (key.spec.profile, *key.spec.profiles)),
        )

    async def _filled_by(self, connection: AsyncConnection, name: str) -> tuple[str, ...]:
        """The API keys, roles and users of a project."""
        keys, roles = await self.keys.rows(connection), await self.roles.rows(connection)
        return (
            *(f"API key '{key.spec.name}'" for key in keys if key.spec.project == name),
            *(f"role '{row.spec.name}'" for row in roles if row.spec.project == name),
            *(f"user '{login}'" for login in await members_of(connection, name)),
        )

    async def _load(self, connection: AsyncConnection) -> Configured:
        loaded: dict[str, Loaded[Any]] = {
            shelf.kind: await shelf.loaded(connection)
            for shelf in (
                self.channels,
                self.profiles,
                self.projects,
                self.overrides,
                self.models,
                self.prices,
                self.sso,
                self.settings,
                self.roles,
            )
        }
        unread = {kind: found.unread for kind, found in loaded.items()}
        return Configured(
            version=await version_of(connection),
            channels=loaded["channel"].rows,
            profiles=loaded["profile"].rows,
            projects=loaded["project"].rows,
            keys=await self.keys.rows(connection),
            overrides=loaded["override"].rows,
            models=loaded["model"].rows,
            prices=loaded["price"].rows,
            sso=loaded["sso"].rows,
            settings={row.spec.name: row.spec.value for row in loaded["setting"].rows},
            owners=await enabled_logins(connection),
            unread={**unread, "key": await self.keys.unread_rows(connection)},
        )
