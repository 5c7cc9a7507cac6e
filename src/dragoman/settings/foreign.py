"""Names that users bring from other gateways and SDKs, so that a `.env` written for them works as it is.

Rules: they make a channel only when none is configured otherwise, and a mapping only where no profile is; own names
go before them; whatever is ignored or weakened is said. The one table of names is `FOREIGN`.

Theory: the names mean different things in different projects. `ANTHROPIC_API_KEY` is the client's key in the
OpenAI-style proxies, an upstream's key where `PREFERRED_PROVIDER` stands, and in a process environment most often
neither, since users of Claude Code export it. So each value keeps whether it came from `.env`.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

from msgspec import Struct, field

from dragoman.settings.record import Notice


class Vendor(Struct, frozen=True, kw_only=True):
    """The variables that make a channel of one vendor."""

    word: str
    """As `DRAGOMAN_PROVIDER` and `PREFERRED_PROVIDER` name it."""
    provider: str
    """Id of the catalog row."""
    key: str
    other_keys: tuple[str, ...] = ()
    """Keys made of other variables, where `key` is not set and those in braces are all set; the first counts."""
    certificate: str = ""
    """Variable with a certificate that may be enough without a key; empty: there is none."""
    timeout: str = ""
    """Variable with the vendor's own name for `REQUEST_TIMEOUT`."""
    simultaneous: str = ""
    """Variable with the number of requests that may run at once; empty: it has none."""
    address: str = ""
    """Variable with the base address; empty: it has none."""
    one_model: str = ""
    """Variable with the model that takes every name."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the channel, by variable. Words for yes and no become `true` and `false` in `adopt.SWITCHES`."""
    big: str = ""
    small: str = ""
    """What the proxies ask for where `BIG_MODEL` and `SMALL_MODEL` are not set; empty: names go through."""


class Foreign(Struct, frozen=True, kw_only=True):
    """All foreign names that have a meaning here."""

    vendors: tuple[Vendor, ...]
    shared_key: str
    """The variable that is a client's key beside an OpenAI key."""
    azure: str
    """Row for Azure, chosen by `AZURE_API_VERSION`."""
    plain: str
    """Row of a server that speaks OpenAI's chat dialect, as the demo model."""
    words: Mapping[str, str]
    """Other words for vendors."""
    server: Mapping[str, tuple[str, ...]]
    """Variables with values of `[server]`; the first that is set counts."""
    gate: str
    """The variable that switches the clients' key of `gate_key` on."""
    gate_key: str
    idle: Mapping[str, str]
    """Variables that change nothing here, with the reason."""


FOREIGN = Foreign(
    vendors=(
        Vendor(
            word="openai",
            provider="openai",
            key="OPENAI_API_KEY",
            address="OPENAI_BASE_URL",
            big="gpt-4o",
            small="gpt-4o-mini",
        ),
        Vendor(word="anthropic", provider="anthropic", key="ANTHROPIC_API_KEY"),
        Vendor(
            word="gemini",
            provider="gemini",
            key="GEMINI_API_KEY",
            big="gemini-pro-latest",
            small="gemini-flash-latest",
        ),
        Vendor(
            word="gigachat",
            provider="gigachat",
            key="GIGACHAT_CREDENTIALS",
            other_keys=("{GIGACHAT_USER}:{GIGACHAT_PASSWORD}", "Bearer {GIGACHAT_ACCESS_TOKEN}"),
            certificate="GIGACHAT_CERT_FILE",
            timeout="GIGACHAT_TIMEOUT",
            simultaneous="GIGACHAT_MAX_CONNECTIONS",
            address="GIGACHAT_BASE_URL",
            one_model="GIGACHAT_MODEL",
            options={
                "GIGACHAT_SCOPE": "scope",
                "GIGACHAT_AUTH_URL": "auth_url",
                "GIGACHAT_CA_BUNDLE_FILE": "ca_bundle",
                "GIGACHAT_CERT_FILE": "certificate",
                "GIGACHAT_KEY_FILE": "key",
                "GIGACHAT_KEY_FILE_PASSWORD": "key_password",
                "GIGACHAT_VERIFY_SSL_CERTS": "verify",
                "GIGACHAT_PROFANITY_CHECK": "profanity_check",
                "GIGACHAT_FLAGS": "flags",
                "GPT2GIGA_GIGACHAT_API_MODE": "api",
            },
            big="GigaChat-2-Max",
            small="GigaChat-2-Max",
        ),
    ),
    shared_key="ANTHROPIC_API_KEY",
    azure="azure",
    plain="openai-compatible",
    words={"google": "gemini"},
    server={
        "host": ("HOST", "GPT2GIGA_HOST"),
        "port": ("PORT", "GPT2GIGA_PORT"),
        "log_level": ("LOG_LEVEL", "GPT2GIGA_LOG_LEVEL"),
    },
    gate="GPT2GIGA_ENABLE_API_KEY_AUTH",
    gate_key="GPT2GIGA_API_KEY",
    idle={
        "MIN_TOKENS_LIMIT": "no answer is made longer than the client asked for",
        "USE_VERTEX_AUTH": "Vertex AI is set up as a channel of provider 'vertex', by the file of its service account",
        "MAX_STREAMING_RETRIES": "a stream is never joined together from two answers",
        "FORCE_DISABLE_STREAMING": "streams are always streamed",
        "EMERGENCY_DISABLE_STREAMING": "streams are always streamed",
        "GIGACHAT_MAX_RETRIES": "what fails before the first word is asked again by rule, and on other channels",
        "GIGACHAT_RETRY_BACKOFF_FACTOR": "pauses between tries follow the vendor's word, or grow by rule",
        "GIGACHAT_RETRY_ON_STATUS_CODES": "each kind of problem has its own rule for trying again",
        "GIGACHAT_TOKEN_EXPIRY_BUFFER_MS": "tokens are renewed 60 s before they end",
        "GPT2GIGA_MODE": "there is one mode, which is safe to run",
        "GPT2GIGA_ENABLED_PROVIDERS": "every door is open to clients",
        "GPT2GIGA_RESPONSES_API_MODE": "one API serves every door; GPT2GIGA_GIGACHAT_API_MODE names it",
        "GPT2GIGA_STRUCTURED_OUTPUT_MODE": "a schema for the answer is always the vendor's own to keep",
        "GPT2GIGA_ENABLE_REASONING": "the client says how much is thought",
        "GPT2GIGA_DEFAULT_MAX_TOKENS": "the client, or max_output of a channel, says how much is written",
        "GPT2GIGA_ENABLE_IMAGES": "pictures are always shown, where the model can see",
        "GPT2GIGA_EMBEDDINGS": "the client names the model for embeddings",
        "GPT2GIGA_MAX_REQUEST_BODY_BYTES": "bodies of up to 32 MiB are taken",
        "GPT2GIGA_LOG_FILENAME": "the log is written to standard error",
        "GPT2GIGA_LOG_REDACT_SENSITIVE": "no key is ever logged",
        "GPT2GIGA_CORS_ALLOW_ORIGINS": "pages in a browser are not answered",
        "GPT2GIGA_RUNTIME_STORE_BACKEND": "data_dir tells where things are kept",
        "GPT2GIGA_PASS_MODEL": "GIGACHAT_MODEL or BIG_MODEL tells which model answers",
        "GPT2GIGA_PASS_TOKEN": "a client's key is never passed on to a provider",
        "GPT2GIGA_USE_HTTPS": "clients are served plain HTTP; put a proxy with TLS before it",
    },
)


class Found(Struct, frozen=True):
    """Foreign and own variables as they were found; the environment goes before `.env`."""

    environ: Mapping[str, str]
    dotenv: Mapping[str, str]

    def get(self, name: str) -> str:
        """The value, or an empty string."""
        return self.environ.get(name, "").strip() or self.dotenv.get(name, "").strip()

    def first(self, names: tuple[str, ...]) -> str:
        """The first of these names that is set, else the first."""
        return next((name for name in names if self.get(name)), names[0])

    def place(self, name: str) -> str:
        """The variable with where it stands."""
        return f"{name} ({'environment' if self.environ.get(name, '').strip() else '.env'})"


def key_of(vendor: Vendor, found: Found) -> tuple[str, str]:
    """The vendor's key, and the variable that shows that it is meant; each empty where there is none."""
    if found.get(vendor.key):
        return found.get(vendor.key), vendor.key
    for form in vendor.other_keys:
        names = [name for _, name, _, _ in Formatter().parse(form) if name]
        values = {name: found.get(name) for name in names}
        if all(values.values()):
            return form.format(**values), names[-1]
    named = (name for name in (vendor.address, vendor.certificate) if name and found.get(name))
    return "", next(named, "")


class Choice(Struct, frozen=True):
    """The vendors whose channels are to be made, and what `ANTHROPIC_API_KEY` is."""

    vendors: tuple[Vendor, ...] = ()
    client_key: str = ""


def choose(found: Found, has_profile: bool, faults: list[Notice], notices: list[Notice]) -> Choice:
    """Which vendors the variables speak of. Two without a profile are a fault: nobody could say which is meant."""
    word, place = _chosen_word(found)
    held = [vendor for vendor in FOREIGN.vendors if _is_held(vendor, found, word)]
    client_key = _client_key(found, held)
    if not client_key and FOREIGN.shared_key in found.environ and not any(v.key == FOREIGN.shared_key for v in held):
        notices.append(_ignored_key())
    if word:
        return Choice(_by_word(word, place, held, found, faults, notices), client_key)
    if len(held) > 1 and not has_profile:
        names = " and ".join(key_of(vendor, found)[1] for vendor in held)
        choices = " or ".join(f"DRAGOMAN_PROVIDER={vendor.word}" for vendor in held)
        faults.append(
            Notice(
                names,
                "Keys of two vendors are set, and no profile says which model goes where.",
                f"Set {choices}, or write a profile into dragoman.toml.",
            )
        )
    return Choice(tuple(held), client_key)


def _chosen_word(found: Found) -> tuple[str, str]:
    """The vendor that was named, in our word for it, and by which variable."""
    for name in ("DRAGOMAN_PROVIDER", "PREFERRED_PROVIDER"):
        word = found.get(name).lower()
        if word:
            return FOREIGN.words.get(word, word), name
    return "", ""


def _is_held(vendor: Vendor, found: Found, word: str) -> bool:
    """Whether the variables speak of this vendor as an upstream."""
    if vendor.key != FOREIGN.shared_key:
        return bool(key_of(vendor, found)[1])
    if word == vendor.word:
        return bool(found.get(vendor.key))
    if not found.dotenv.get(vendor.key, "").strip():
        return False
    return bool(found.get("PREFERRED_PROVIDER")) or not (found.get("OPENAI_API_KEY") or found.get("OPENAI_BASE_URL"))


def _client_key(found: Found, held: list[Vendor]) -> str:
    """The key that clients must present, by the OpenAI-style proxies' name for it."""
    is_upstream = any(vendor.key == FOREIGN.shared_key for vendor in held)
    return "" if is_upstream or found.get("PREFERRED_PROVIDER") else found.dotenv.get(FOREIGN.shared_key, "").strip()


def _by_word(
    word: str, place: str, held: list[Vendor], found: Found, faults: list[Notice], notices: list[Notice]
) -> tuple[Vendor, ...]:
    """The vendor that was named, if its key is there."""
    chosen = tuple(vendor for vendor in held if vendor.word == word)
    unused = [key_of(vendor, found)[1] for vendor in held if vendor.word != word]
    known = {vendor.word: vendor.key for vendor in FOREIGN.vendors}
    # Our own name is meant for us; another project's may speak of something we do not have, and must not stop us.
    wrong = faults if place == "DRAGOMAN_PROVIDER" else notices
    if word not in known:
        wrong.append(Notice(place, f"'{word}' is none of {', '.join(known)}.", "Name one of them, or write a channel."))
    elif not chosen:
        wrong.append(Notice(place, f"'{word}' is chosen but {known[word]} is not set.", f"Set {known[word]}."))
    elif unused:
        notices.append(
            Notice(place, f"{' and '.join(unused)} is not used.", "To use several vendors, write dragoman.toml.")
        )
    return chosen


def _ignored_key() -> Notice:
    return Notice(
        "ANTHROPIC_API_KEY (environment)",
        "It is ignored, since users of Claude Code export it for other ends.",
        "If it is to be the upstream's key, set DRAGOMAN_PROVIDER=anthropic; if clients are to present it, set "
        "DRAGOMAN_API_KEYS.",
    )
