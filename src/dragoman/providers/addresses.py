"""Where a request goes: addresses as users write them, turned into the ones that are called.

Rules: a base address is taken as the vendor's own SDK takes it, but a slash too many, a version said twice or the
whole endpoint's address is understood too; a query stays. Nothing here looks anything up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from dragoman.providers.base import Provider

AZURE_API_VERSION = "2024-10-21"
"""Newest dated version that is not a preview, for addresses that need one where the user named none.
https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle (read 2026-11-20)."""
AZURE_UNDATED = frozenset({"preview", "latest"})
"""Versions that the undated address (`/openai/v1`) takes."""
VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")
"""A version in an address. One that the user names stands before a dialect's own, where that is a beta."""
VERTEX_PUBLISHER = "/publishers/google"
VERTEX_HOST = "aiplatform.googleapis.com"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "0.0.0.0"})  # noqa: S104 - compared, never bound


class Target(NamedTuple):
    """What an address is made from."""

    base_url: str
    path: str
    """Path of the wanted endpoint under the base, as `/chat/completions`, perhaps with a query."""
    model: str
    options: Mapping[str, str]


def endpoint(provider: Provider, base_url: str, path: str, model: str, options: Mapping[str, str]) -> str:
    """The address of an endpoint for a model, whose name takes the place of `{model}` in the path."""
    make = ADDRESSES.get(provider.address, plain_address)
    named = path.replace("{model}", quote(model.removeprefix("models/"), safe=""))
    return make(Target(base_url or provider.base_url, named, model, options))


def models_url(provider: Provider, base_url: str, path: str, options: Mapping[str, str]) -> str:
    """The address of the model list; empty if the provider has none. `path` is the chat endpoint's."""
    return _beside(provider, base_url, path, provider.models_path, "", options)


def count_url(provider: Provider, base_url: str, path: str, options: Mapping[str, str], model: str = "") -> str:
    """The address of the token count; empty if the provider has none. `path` is the chat endpoint's."""
    return _beside(provider, base_url, path, provider.count_path, model, options)


def errand_url(
    provider: Provider, base_url: str, path: str, errand: str, options: Mapping[str, str], model: str
) -> str:
    """The address of an endpoint beside the chat endpoint, whose path is `path`."""
    return _beside(provider, base_url, path, errand, model, options)


def _beside(provider: Provider, base_url: str, path: str, wanted: str, model: str, options: Mapping[str, str]) -> str:
    """The address of another endpoint of the same base, which may have been given with the chat endpoint's path."""
    if not wanted:
        return ""
    scheme, host, root, query, _ = urlsplit(base_url or provider.base_url)
    trimmed = root.rstrip("/").removesuffix(path)
    return endpoint(provider, urlunsplit((scheme, host, trimmed, query, "")), wanted, model, options)


def host_url(base_url: str, path: str) -> str:
    """The address of a path at a base's host, whatever the base has behind it."""
    scheme, host, _, _, _ = urlsplit(base_url)
    return urlunsplit((scheme, host, path, "", ""))


def plain_address(target: Target) -> str:
    """Base plus path, with what both of them say said once."""
    return _plain(target.base_url, target.path)


@lru_cache(maxsize=1024)
def _plain(base_url: str, wanted: str) -> str:
    scheme, host, root, query, _ = urlsplit(base_url)
    path, _, asked = wanted.partition("?")
    return urlunsplit((scheme, host, _join(root, path), "&".join(each for each in (query, asked) if each), ""))


def _join(root: str, path: str) -> str:
    """Two paths as one: slashes single, a path that is already there and a version that both have not repeated."""
    root = re.sub(r"/{2,}", "/", root).rstrip("/")
    if root.endswith(path):
        return root
    version, _, rest = path.removeprefix("/").partition("/")
    given = root.rpartition("/")[2]
    if VERSION.fullmatch(version) and (given == version or ("beta" in version and VERSION.fullmatch(given))):
        path = "/" + rest
    return root + path


def azure_address(target: Target) -> str:
    """The address at Azure OpenAI, in the style that the base or the option `api_version` asks for.

    Undated: `/openai/v1/chat/completions`. Dated: `/openai/deployments/{name}/chat/completions?api-version=…`, with
    the deployment that stands in the base, else the model's name. A bare base is undated unless `api_version` is a
    date. https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle (read 2026-11-20).
    """
    scheme, host, root, query, _ = urlsplit(target.base_url)
    before, _, after = f"{root.rstrip('/')}/".partition("/openai/")
    asked = dict(parse_qsl(query))
    version = asked.pop("api-version", "") or target.options.get("api_version", "")
    named = re.match(r"deployments/([^/]+)", after)
    dated = bool(named) or (bool(version) and version not in AZURE_UNDATED and not after.startswith("v1"))
    if dated:
        deployment = named[1] if named else quote(target.model, safe="")
        path = f"/openai/deployments/{deployment}{target.path}"
        asked["api-version"] = version or AZURE_API_VERSION
    else:
        path = f"/openai/v1{target.path}"
        if version in AZURE_UNDATED:
            asked["api-version"] = version
    return urlunsplit((scheme, host, f"{before.rstrip('/')}{path}", urlencode(asked), ""))


def vertex_address(target: Target) -> str:
    """The address at Vertex AI, of the options `project` and `location`, or under a base that names them already.

    The list of models belongs to no project.

    A location has a host of its own, `us` and `eu` one of another form; `global` is the bare host.
    https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations, SDK 3.3 (read 2026-11-20).
    """
    scheme, host, root, query, _ = urlsplit(target.base_url)
    root = root.rstrip("/")
    is_list = f"{VERTEX_PUBLISHER}/" in target.path
    if is_list:
        root = root.partition("/projects/")[0]
    if "/projects/" not in root:
        location = target.options.get("location", "global")
        if host == VERTEX_HOST and location != "global":
            host = f"aiplatform.{location}.rep.googleapis.com" if location in ("us", "eu") else f"{location}-{host}"
        root = root if VERSION.fullmatch(root.rpartition("/")[2]) else f"{root}/v1beta1"
        if not is_list and (project := target.options.get("project", "")):
            root += f"/projects/{project}/locations/{location}"
    wanted = re.sub(r"^/v\d\w*", "" if is_list else VERTEX_PUBLISHER, target.path)
    return _plain(urlunsplit((scheme, host, root, query, "")), wanted)


def versioned_address(target: Target) -> str:
    """The address under a base whose version gives way to that of the path; a path without one is of version 1.

    GigaChat's chat has a version 2 beside the base that users give, `/api/v1`, where all else stays; its SDK 0.2.3
    replaces the version likewise (read 2026-11-20).
    """
    scheme, host, root, query, _ = urlsplit(target.base_url)
    version, _, rest = target.path.removeprefix("/").partition("/")
    if not VERSION.fullmatch(version):
        version, rest = "v1", target.path.removeprefix("/")
    before, _, last = root.rstrip("/").removesuffix(f"/{rest}").rpartition("/")
    if not VERSION.fullmatch(last):
        return plain_address(target)
    return urlunsplit((scheme, host, f"{before}/{version}/{rest}", query, ""))


ADDRESSES: dict[str, Callable[[Target], str]] = {
    "azure_address": azure_address,
    "versioned_address": versioned_address,
    "vertex_address": vertex_address,
}
"""Addresses that are more than base plus path, by the name a row gives."""


def row_for_address(rows: Iterable[Provider], url: str) -> str:
    """The id of the row whose hosts an address belongs to, the one with the longest beginning; empty if none is."""
    host, path = _place(url)
    found = []
    for row in rows:
        for pattern in row.hosts:
            name, _, beginning = pattern.lower().partition("/")
            if fnmatchcase(host, name) and f"{path}/".startswith(f"/{beginning}".rstrip("/") + "/"):
                found.append((len(pattern), row.id))
    return max(found)[1] if found else ""


def _place(url: str) -> tuple[str, str]:
    """Host with its port, and path, of an address as people write it; every name of this machine is `127.0.0.1`."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        return "", ""
    host = parts.netloc.rpartition("@")[2].lower().removesuffix(":443")
    name, _, port = host.rpartition(":")
    return f"127.0.0.1:{port}" if name in LOOPBACK else host, parts.path.rstrip("/")
