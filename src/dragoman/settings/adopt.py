"""Channels, the mapping of three names and server values made from foreign names, with what must be said of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dragoman.canon.templates import literal
from dragoman.providers.addresses import row_for_address
from dragoman.providers.base import Provider
from dragoman.routing.snapshot import Channel, Mapping3
from dragoman.settings.build import Workshop
from dragoman.settings.changes import header_fault
from dragoman.settings.foreign import FOREIGN, Found, Vendor, key_of
from dragoman.settings.record import Notice
from dragoman.shapes.channel import ChannelTable, LimitsTable, TimeoutsTable

EDITS_NEED = 16000
"""Tokens of output below which agents' edits of files are often cut (Claude Code asks for 32000 and more)."""
PATIENCE_S = 240
"""Seconds of waiting below which models that think long are often given up."""
HEADER_PREFIX = "CUSTOM_HEADER_"
WORDS = {"true": "true", "1": "true", "yes": "true", "on": "true"} | dict.fromkeys(("false", "0", "no", "off"), "false")
"""Words for yes and no, as options have them."""
SWITCHES = frozenset({"verify", "profanity_check"})
"""Options that are yes or no."""
MODEL_NAMES = ("BIG_MODEL", "MIDDLE_MODEL", "SMALL_MODEL")


def adopt_channel(vendor: Vendor, found: Found, shop: Workshop) -> Channel | None:
    """The channel of one vendor; None where nothing can be called yet, which is said."""
    address = found.get(vendor.address) if vendor.address else ""
    key, variable = key_of(vendor, found)
    row = _row(vendor, address, found, shop.rows)
    if row is None:
        shop.notices.append(
            Notice(
                found.place(variable),
                f"The provider '{vendor.provider}' is not among those this version can call, so no channel was made.",
                "See 'dragoman providers' for those it can.",
            )
        )
        return None
    place = vendor.address if address else variable
    options = _options(vendor, found, shop.notices)
    if "api_version" in row.options and found.get("AZURE_API_VERSION"):
        options["api_version"] = found.get("AZURE_API_VERSION")
    table = ChannelTable(
        name=row.id,
        provider=row.id,
        api_key=key,
        base_url=address or None,
        timeouts=_timeouts(vendor, found, shop.notices),
        headers=_headers(found, shop.notices),
        max_output=_max_output(found, shop.notices),
        limits=LimitsTable(simultaneous=_number(found, vendor.simultaneous, shop.notices)),
        options=dict(options),
    )
    return shop.channel(table, place, "environment")


def _options(vendor: Vendor, found: Found, notices: list[Notice]) -> dict[str, str]:
    """Options of the channel; that certificates are not looked at is said."""
    given = {name: found.get(name) for name in vendor.options if found.get(name)}
    options: dict[str, str] = {}
    for name, word in given.items():
        option = vendor.options[name]
        options[option] = WORDS.get(word.lower(), word) if option in SWITCHES else word
    for name in given:
        if vendor.options[name] == "verify" and options["verify"] == "false":
            what = "Any certificate is accepted, so whoever stands between can read the key and all that is said."
            remedy = "Name the authority's certificate (ca_bundle) instead, and leave this out."
            notices.append(Notice(found.place(name), what, remedy))
    return options


def _row(vendor: Vendor, address: str, found: Found, rows: Mapping[str, Provider]) -> Provider | None:
    """The row that an address and the vendor's name speak of."""
    if not address:
        return rows.get(vendor.provider)
    if vendor.provider not in rows or FOREIGN.plain not in rows:
        return None
    if found.get("AZURE_API_VERSION") and vendor.address == "OPENAI_BASE_URL":
        return rows.get(FOREIGN.azure)
    own = rows[vendor.provider]
    named = rows.get(row_for_address(rows.values(), address))
    if named and named.dialect == own.dialect:
        return named
    return rows[FOREIGN.plain] if rows[FOREIGN.plain].dialect == own.dialect else own


def _timeouts(vendor: Vendor, found: Found, notices: list[Notice]) -> TimeoutsTable:
    """`REQUEST_TIMEOUT` as those proxies meant it: the longest silence, before the first content and within."""
    name = found.first(("REQUEST_TIMEOUT", vendor.timeout) if vendor.timeout else ("REQUEST_TIMEOUT",))
    seconds = _number(found, name, notices)
    if not seconds:
        return TimeoutsTable()
    if seconds < PATIENCE_S:
        what = f"An upstream that is silent for {seconds} s is given up, which models that think long exceed."
        notices.append(Notice(found.place(name), what, "Remove it for the usual 540 s."))
    return TimeoutsTable(first_content=float(seconds), idle=float(seconds))


def _max_output(found: Found, notices: list[Notice]) -> int | None:
    tokens = _number(found, "MAX_TOKENS_LIMIT", notices)
    if tokens and tokens < EDITS_NEED:
        what = f"Answers are limited to {tokens} tokens, which truncates agents' edits."
        remedy = "Remove it, or set it to what the model can write (32000 and more)."
        notices.append(Notice(found.place("MAX_TOKENS_LIMIT"), what, remedy))
    return tokens


def _number(found: Found, name: str, notices: list[Notice]) -> int | None:
    """A positive whole number; None for none, and for anything else, which is said."""
    word = found.get(name).split("#")[0].strip() if name else ""
    if not word:
        return None
    if re.fullmatch(r"\d{1,9}(\.0*)?", word) and float(word) > 0:
        return int(float(word))
    notices.append(Notice(found.place(name), f"'{word}' is not a whole number above 0.", "It was ignored; correct it."))
    return None


def _headers(found: Found, notices: list[Notice]) -> dict[str, str]:
    """`CUSTOM_HEADER_X_Y=z` as the header `X-Y: z`."""
    headers: dict[str, str] = {}
    for variable in sorted({*found.environ, *found.dotenv}):
        name = variable.removeprefix(HEADER_PREFIX).replace("_", "-")
        if variable.startswith(HEADER_PREFIX) and found.get(variable):
            wrong = header_fault(name, found.get(variable))
            if wrong:
                notices.append(Notice(found.place(variable), wrong, "It was ignored; correct it."))
            else:
                headers[name] = literal(found.get(variable))
    return headers


def adopt_mapping(found: Found, vendors: tuple[Vendor, ...], notices: list[Notice]) -> tuple[Mapping3 | None, str]:
    """The mapping of opus, sonnet and haiku, and where it comes from.

    `vendors` are those whose channels were made from foreign names; they bring the proxies' usual names with them.
    """
    one = next((vendor.one_model for vendor in vendors if vendor.one_model and found.get(vendor.one_model)), "")
    if one and not any(found.get(name) for name in MODEL_NAMES):
        model = found.get(one)
        return Mapping3(big=model, middle=model, small=model), found.place(one)
    vendor = vendors[0] if vendors else None
    big = found.get("BIG_MODEL") or (vendor.big if vendor else "")
    big = big or found.get("MIDDLE_MODEL") or found.get("SMALL_MODEL")
    if not big:
        return None, ""
    if vendor and vendor.big and not found.get("BIG_MODEL"):
        what = f"It is not set, so '{big}' is asked for."
        notices.append(Notice("BIG_MODEL", what, "Set BIG_MODEL, MIDDLE_MODEL and SMALL_MODEL to models of yours."))
    small = found.get("SMALL_MODEL") or (vendor.small if vendor else "") or big
    named = next((name for name in MODEL_NAMES if found.get(name)), "")
    place = found.place(named) if named else "the vendor's usual models"
    return Mapping3(big=big, middle=found.get("MIDDLE_MODEL") or big, small=small), place


def idle_names(found: Found) -> list[Notice]:
    """What to say of foreign names that are set and change nothing."""
    off = ("", "0", "false", "no")
    return [
        Notice(found.place(name), f"It is ignored: {reason}.", "Nothing needs to be done.")
        for name, reason in FOREIGN.idle.items()
        if found.get(name).lower() not in off
    ]


def adopt_server(
    found: Found, client_key: str, faults: list[Notice], notices: list[Notice]
) -> dict[str, tuple[object, str]]:
    """Values of `[server]` from foreign names, each with where it comes from."""
    values: dict[str, tuple[object, str]] = {}
    host_name, port_name, level_name = (found.first(FOREIGN.server[key]) for key in ("host", "port", "log_level"))
    if found.get(host_name):
        values["host"] = (found.get(host_name), found.place(host_name))
    port = _number(found, port_name, notices)
    if port and port < 65536:
        values["port"] = (port, found.place(port_name))
    words = found.get(level_name).lower().split()
    level = {"warn": "warning", "critical": "error"}.get(words[0], words[0]) if words else ""
    if level in ("debug", "info", "warning", "error"):
        values["log_level"] = (level, found.place(level_name))
    if client_key:
        values["api_keys"] = ((client_key,), f"{FOREIGN.shared_key} (.env)")
    elif gate_key := _gate_key(found, faults, notices):
        values["api_keys"] = ((gate_key,), found.place(FOREIGN.gate_key))
    return values


def _gate_key(found: Found, faults: list[Notice], notices: list[Notice]) -> str:
    """The key that gpt2giga would ask of clients; asked for without a key is a fault, never an open gateway."""
    key, place = found.get(FOREIGN.gate_key), found.place(FOREIGN.gate_key)
    if WORDS.get(found.get(FOREIGN.gate).lower()) == "true":
        if not key:
            what = f"Clients are to present a key, but {FOREIGN.gate_key} is not set."
            faults.append(Notice(found.place(FOREIGN.gate), what, f"Set it, or remove {FOREIGN.gate}."))
        else:
            notices.append(Notice(place, "Clients must present it, as with gpt2giga.", "Nothing needs to be done."))
        return key
    if key:
        remedy = f"Set {FOREIGN.gate}=true, or DRAGOMAN_API_KEYS, to ask clients for it."
        notices.append(Notice(place, f"It is not asked for, since {FOREIGN.gate} is not on.", remedy))
    return ""
