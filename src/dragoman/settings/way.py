"""How a channel is reached: by which proxy, whose certificates it trusts, and which files it may name.

Rule. Whoever may write a channel into the database is not the machine's operator: what he gives is a text or a name,
never a path by which the gateway would read a file for him.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import NamedTuple

from dragoman.settings.record import Notice
from dragoman.settings.sources import Secrets, expanded
from dragoman.shapes.hints import near
from dragoman.shapes.proxy import PROXY_WORDS, fault_of_proxy, is_proxy
from dragoman.shapes.secret import SEALED, Secret

PEM = "-----BEGIN"
"""How the text of a certificate begins (RFC 7468, read 2026-11-20), by which it is told from a path."""
CORRECT_PROXY = "Write it as http://host:port."


class Way(NamedTuple):
    """The proxy of a channel."""

    proxy: str | None = None
    """Its address; None: the environment's; empty: none."""
    named: bool = False
    """Whether it is one of the named ones."""


class Finder(NamedTuple):
    """What ways are found with, and where the findings go."""

    proxies: Mapping[str, Secret]
    """The named ones."""
    secrets: Secrets
    faults: list[Notice]

    def way(self, text: str | None, where: str) -> Way:
        """The proxy that a channel says: `environment`, `none`, a name or an address."""
        if text is None:
            return Way()
        before = len(self.faults)
        address = self.secrets.resolve(text, where, self.faults).reveal()
        match address:
            case "environment":
                return Way()
            case _ if address.startswith(SEALED) and not self.secrets.refers:
                return Way()  # it was looked at when it was given
            case "none":
                return Way("")
            case _ if address in self.proxies:
                return Way(self.proxies[address].reveal(), named=True)
            case _ if len(self.faults) == before and not is_proxy(address):
                named = bool(address) and "://" not in address
                remedy = near(address, [*self.proxies, *PROXY_WORDS]) if named else CORRECT_PROXY
                what = f"There is no proxy '{address}'." if named else "Only HTTP proxies can be used."
                self.faults.append(Notice(where, what, remedy))
        return Way(address)

    def bundle(self, text: str | None, where: str) -> str:
        """The authorities that a channel trusts: the path of a PEM file, or the text of one."""
        if not text:
            return ""
        if text.lstrip().startswith(PEM):
            self._check_bundle(text, where)
            return text.strip()
        if not self.secrets.refers:
            what = "A path leads nowhere here."
            self.faults.append(Notice(where, what, "Give the PEM text of the certificates itself."))
            return ""
        path = self.secrets.folder / expanded(text, self.secrets.home)
        try:
            self._check_bundle(path.read_text(encoding="utf-8", errors="replace"), where)
        except OSError as found:
            self.faults.append(Notice(where, f"The file {path} cannot be read: {found.strerror}.", "Correct the path."))
        return str(path)

    def _check_bundle(self, content: str, where: str) -> None:
        found = ""
        if "PRIVATE KEY-----" in content:
            found = "It holds a private key, which would be shown."
        else:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content)
            except (ssl.SSLError, ValueError, TypeError):
                found = "It holds no certificate that can be read."
        if found:
            self.faults.append(Notice(where, found, "Give the certificates of the authorities, and nothing else."))

    def file(self, text: str, where: str) -> str:
        """The path of a file that an option names; those of the database lie within the data folder."""
        path = self.secrets.folder / expanded(text, self.secrets.home)
        if not self.secrets.refers and not path.resolve().is_relative_to(self.secrets.folder.resolve()):
            what = "A path that is entered while the gateway runs must lie within its data folder."
            self.faults.append(Notice(where, what, "Put the file there, or write the channel into the file."))
        return str(path)


def read_proxies(found: Mapping[str, str], secrets: Secrets, where: str, faults: list[Notice]) -> dict[str, Secret]:
    """The proxies by the names that channels may use for them."""
    proxies: dict[str, Secret] = {}
    for name, text in found.items():
        before = len(faults)
        proxies[name] = secrets.resolve(text, f"{where}.{name}", faults)
        if len(faults) == before and (wrong := fault_of_proxy(name, proxies[name].reveal())):
            faults.append(Notice(f"{where}.{name}", wrong, CORRECT_PROXY))
    return proxies
