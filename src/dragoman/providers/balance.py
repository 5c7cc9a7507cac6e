"""What an account still has, as official APIs tell it to the account's own key.

Rules. Only what a vendor documents is asked, with the channel's key and nothing else; no page is read and no cookie
kept. An answer that is not understood says nothing: an account is taken for used up only where its provider says so.

Sources, read 2026-11-20: api-docs.deepseek.com, get user balance; openrouter.ai/docs, get current key (that of the
whole account's credits wants a management key); platform.kimi.ai/docs, check balance; docs.siliconflow.com, get user
info; developers.sber.ru, GET /balance, and GigaChat's SDK 0.2.3 (accounts that are billed afterwards are refused it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

State = Literal["available", "low", "exhausted", "unknown"]
LOW_SHARE = 0.2
"""What is left of a limit is low below this share of it."""
LOW: Mapping[str, float] = {"USD": 1.0, "CNY": 7.0, "tokens": 50_000.0}
"""What is low where no limit is known, by unit: some turns of an agent."""
T = TypeVar("T")


class Amount(Struct, frozen=True, kw_only=True):
    """One thing of which an account has some."""

    left: float
    unit: str
    """A currency, `credits` or `tokens`."""
    limit: float | None = None
    """What there is at most; None where that is not told."""
    of: str = ""
    """What it is for, as a model; empty: anything."""

    @property
    def is_low(self) -> bool:
        """Whether little of it is left."""
        return self.left < (LOW_SHARE * self.limit if self.limit else LOW.get(self.unit, 0.0))

    def __str__(self) -> str:
        of, at_most = f" of {self.of}" if self.of else "", f" of {self.limit:,.10g}" if self.limit else ""
        return f"{self.left:,.10g}{at_most} {self.unit}{of}"


class Balance(Struct, frozen=True, kw_only=True):
    """What an account has."""

    state: State = "unknown"
    amounts: tuple[Amount, ...] = ()

    def __str__(self) -> str:
        return ", ".join(map(str, self.amounts)) or self.state


UNKNOWN = Balance()


class BalanceSource(Struct, frozen=True, kw_only=True):
    """How one provider tells it."""

    path: str
    read: Callable[[bytes], Balance]
    """The balance in an answer; unknown for what is none. Never raises."""
    from_host: bool = True
    """Whether the path begins at the host, whatever the channel's own address has behind it."""


def balance_of(*amounts: Amount, is_available: bool = True) -> Balance:
    """The balance of these amounts, of which one suffices to go on."""
    sound = tuple(amount for amount in amounts if isfinite(amount.left))
    if not is_available or (sound and all(amount.left <= 0 for amount in sound)):
        return Balance(state="exhausted", amounts=sound)
    if not sound:
        return UNKNOWN
    return Balance(state="low" if all(amount.is_low for amount in sound) else "available", amounts=sound)


class _DeepSeekAmount(Struct):
    currency: str
    total_balance: float


class _DeepSeek(Struct):
    is_available: bool
    balance_infos: list[_DeepSeekAmount] = []


def _of_deepseek(body: bytes) -> Balance:
    """Texts that hold numbers, by currency; and whether calls are answered at all."""
    found = _read(body, _DeepSeek)
    if found is None:
        return UNKNOWN
    amounts = [Amount(left=each.total_balance, unit=each.currency) for each in found.balance_infos]
    return balance_of(*amounts, is_available=found.is_available)


class _OpenRouterKey(Struct):
    limit: float | None = None
    limit_remaining: float | None = None


class _OpenRouter(Struct):
    data: _OpenRouterKey


def _of_openrouter(body: bytes) -> Balance:
    """What the key may still spend; a key without a limit tells nothing of its account."""
    found = _read(body, _OpenRouter)
    if found is None or found.data.limit_remaining is None:
        return UNKNOWN
    return balance_of(Amount(left=found.data.limit_remaining, unit="credits", limit=found.data.limit))


class _MoonshotAmount(Struct):
    available_balance: float


class _Moonshot(Struct):
    data: _MoonshotAmount


def _of_moonshot(body: bytes) -> Balance:
    """In the currency of the platform, which the answer does not name."""
    found = _read(body, _Moonshot)
    return balance_of(Amount(left=found.data.available_balance, unit="credits")) if found else UNKNOWN


class _SiliconFlowUser(Struct):
    totalBalance: float  # noqa: N815 - the wire's own word


class _SiliconFlow(Struct):
    data: _SiliconFlowUser


def _of_siliconflow(body: bytes) -> Balance:
    found = _read(body, _SiliconFlow)
    return balance_of(Amount(left=found.data.totalBalance, unit="credits")) if found else UNKNOWN


class _GigaChatPackage(Struct):
    usage: str
    value: float


class _GigaChat(Struct):
    balance: list[_GigaChatPackage]


def _of_gigachat(body: bytes) -> Balance:
    """Tokens that are paid for, by model."""
    found = _read(body, _GigaChat)
    if found is None:
        return UNKNOWN
    return balance_of(*(Amount(left=each.value, unit="tokens", of=each.usage) for each in found.balance))


def _read(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


BALANCES: Mapping[str, BalanceSource] = {
    "balance_of_deepseek": BalanceSource(path="/user/balance", read=_of_deepseek),
    "balance_of_openrouter": BalanceSource(path="/api/v1/key", read=_of_openrouter),
    "balance_of_moonshot": BalanceSource(path="/v1/users/me/balance", read=_of_moonshot),
    "balance_of_siliconflow": BalanceSource(path="/v1/user/info", read=_of_siliconflow),
    "balance_of_gigachat": BalanceSource(path="/balance", read=_of_gigachat, from_host=False),
}
"""By the name that a row gives."""
