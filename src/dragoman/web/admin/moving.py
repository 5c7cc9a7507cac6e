"""Where a channel leads, and who may say so.

Rules. Into a private network only an admin leads a channel. A secret that was given for one address is not sent to
another: whoever changes where a channel leads gives its secrets anew, or is an admin and says that they are to be kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.shapes.channel import ChannelTable
from dragoman.store.sealing import of_channel, parted
from dragoman.web.admin.api import Call
from dragoman.web.admin.wire import Refusal

PRIVATE = "Only an admin may describe a channel that leads into a private network."
KEEPING = "Only an admin may keep the secrets of a channel whose address changes. Give them anew."


def faults_of_channel(call: Call, table: ChannelTable, before: ChannelTable | None) -> Sequence[str]:
    """What keeps a channel from being used. Raises `Refusal` where only an admin may describe it so."""
    leads_as_before = before is not None and not call.desk.moved(before, table)
    if table.private and not leads_as_before and not call.who.may("channels:private"):
        raise Refusal(403, "forbidden", PRIVATE)
    return call.desk.faults_of_channel(table)


async def admit(call: Call, before: ChannelTable, after: ChannelTable, *, keep_secrets: bool) -> None:
    """Raises `Refusal` where a change would send secrets that are kept to another address; one that an admin wants so
    is noted."""
    if not (words := kept_though_moved(call, before, after)):
        return
    if not keep_secrets:
        raise Refusal(422, "secrets_anew", words)
    if not call.who.may("channels:private"):
        raise Refusal(403, "forbidden", KEEPING)
    await call.store.audit.append(call.noted("channel.keep_secrets", after.name))


def kept_though_moved(call: Call, before: ChannelTable, after: ChannelTable) -> str:
    """Why secrets have to be given anew, in words; empty if they need not be. A proxy's own password stays with it."""
    _, _, kept = parted(after, of_channel)
    members = sorted({place.rpartition("/")[0] for place in kept} - {"proxy"})
    places = call.desk.moved(before, after)
    if not members or not places:
        return ""
    return (
        f"Where the channel leads was changed ({', '.join(places)}) while secrets are kept ({', '.join(members)}). "
        "Give the secrets anew, so that none reaches whom it was not given for."
    )
