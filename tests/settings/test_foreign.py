"""Names brought from other gateways: what they make, what they must not, and what is said of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gigachat.settings import ENV_PREFIX
from gigachat.settings import Settings as SdkSettings

from dragoman.routing.snapshot import Mapping3, Timeouts
from dragoman.settings.foreign import FOREIGN
from dragoman.settings.load import demo_snapshot
from dragoman.settings.record import Flags
from dragoman.shapes.secret import Secret
from tests.settings.places import Scene, faults, notices, read

PROXY_DOTENV = """
# As the sample of an OpenAI-style proxy has it.
OPENAI_API_KEY="sk-upstream"
ANTHROPIC_API_KEY="client-key"
OPENAI_BASE_URL="https://api.deepseek.com"
BIG_MODEL="deepseek-reasoner"
MIDDLE_MODEL="deepseek-chat"
SMALL_MODEL="deepseek-small"
HOST="0.0.0.0"
PORT="8082"
LOG_LEVEL="INFO  # DEBUG, INFO, WARNING"
MAX_TOKENS_LIMIT="4096"
MIN_TOKENS_LIMIT="4096"
REQUEST_TIMEOUT="90"
MAX_RETRIES="2"
CUSTOM_HEADER_X_TEAM_NAME="agents"
"""


def test_a_proxy_s_dotenv_works_as_it_is(tmp_path: Path) -> None:
    settings = read(Scene(dotenv=PROXY_DOTENV), tmp_path)

    (channel,) = settings.snapshot.channels
    assert (channel.name, channel.provider, channel.source) == ("deepseek", "deepseek", "environment")
    assert channel.api_key == Secret("sk-upstream")
    assert channel.max_output == 4096
    assert channel.headers == {"X-TEAM-NAME": "agents"}
    assert channel.timeouts == Timeouts(first_content_s=90, idle_s=90)
    assert settings.snapshot.mapping == Mapping3(
        big="deepseek-reasoner", middle="deepseek-chat", small="deepseek-small"
    )
    server = settings.server
    assert (server.host, server.port, server.log_level) == ("0.0.0.0", 8082, "info")
    assert server.api_keys == (Secret("client-key"),)


def test_what_a_proxy_s_dotenv_costs_is_said(tmp_path: Path) -> None:
    said = notices(read(Scene(dotenv=PROXY_DOTENV), tmp_path))

    assert "MAX_TOKENS_LIMIT (.env): Answers are limited to 4096 tokens, which truncates agents' edits." in said
    assert "REQUEST_TIMEOUT (.env): An upstream that is silent for 90 s is given up" in said
    assert "MIN_TOKENS_LIMIT (.env): It is ignored" in said


MAPPINGS = {
    "big alone takes all": ("BIG_MODEL=b", Mapping3(big="b", middle="b", small="gpt-4o-mini")),
    "middle is big unless named": ("BIG_MODEL=b\nSMALL_MODEL=s", Mapping3(big="b", middle="b", small="s")),
    "all three": ("BIG_MODEL=b\nMIDDLE_MODEL=m\nSMALL_MODEL=s", Mapping3(big="b", middle="m", small="s")),
    "none, as those proxies have it": ("", Mapping3(big="gpt-4o", middle="gpt-4o", small="gpt-4o-mini")),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_the_mapping_is(case: str, tmp_path: Path) -> None:
    text, expected = MAPPINGS[case]

    assert read(Scene(dotenv=f"OPENAI_API_KEY=k\n{text}\n"), tmp_path).snapshot.mapping == expected


def test_the_usual_models_are_said_where_none_is_named(tmp_path: Path) -> None:
    said = notices(read(Scene(environ={"OPENAI_API_KEY": "k"}), tmp_path))

    assert "BIG_MODEL: It is not set, so 'gpt-4o' is asked for." in said


ADDRESSES = {
    "none": ("", "openai", "https://api.openai.com/v1"),
    "a known host": ("https://openrouter.ai/api/v1", "openrouter", "https://openrouter.ai/api/v1"),
    "a local server": ("http://localhost:11434/v1", "ollama", "http://localhost:11434/v1"),
    "an unknown host": ("http://127.0.0.1:9/v1", "openai-compatible", "http://127.0.0.1:9/v1"),
    "Azure, undated": ("https://x.openai.azure.com/openai/v1", "azure", "https://x.openai.azure.com/openai/v1"),
    "Azure, with a deployment": (
        "https://x.openai.azure.com/openai/deployments/d",
        "azure",
        "https://x.openai.azure.com/openai/deployments/d",
    ),
    "the same vendor's other dialect": (
        "https://api.deepseek.com/anthropic",
        "openai-compatible",
        "https://api.deepseek.com/anthropic",
    ),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_the_row_for_an_address_is_chosen_with(case: str, tmp_path: Path) -> None:
    url, provider, base_url = ADDRESSES[case]

    (channel,) = read(Scene(dotenv=f"OPENAI_API_KEY=k\nOPENAI_BASE_URL={url}\n"), tmp_path).snapshot.channels

    assert (channel.provider, channel.base_url) == (provider, base_url)


@pytest.mark.parametrize("url", ["https://x.openai.azure.com", "https://gateway.example/azure"])
def test_an_api_version_selects_azure(url: str, tmp_path: Path) -> None:
    dotenv = f"OPENAI_API_KEY=k\nOPENAI_BASE_URL={url}\nAZURE_API_VERSION=2024-10-21\n"

    (channel,) = read(Scene(dotenv=dotenv), tmp_path).snapshot.channels

    assert (channel.provider, channel.options) == ("azure", {"api_version": "2024-10-21"})


def test_a_configured_channel_leaves_foreign_names_alone(tmp_path: Path) -> None:
    file = '[[channels]]\nname = "o"\nprovider = "ollama"\n'

    settings = read(Scene(file=file, dotenv=PROXY_DOTENV), tmp_path)

    assert [channel.name for channel in settings.snapshot.channels] == ["o"]
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8090)
    assert settings.server.api_keys == ()


TWO_KEYS = "OPENAI_API_KEY=o\nGIGACHAT_CREDENTIALS=g\n"


def test_keys_of_two_vendors_need_a_choice(tmp_path: Path) -> None:
    told = faults(Scene(dotenv=TWO_KEYS), tmp_path)

    assert "DRAGOMAN_PROVIDER=openai or DRAGOMAN_PROVIDER=gigachat, or write a profile" in told


def test_a_choice_settles_keys_of_two_vendors(tmp_path: Path) -> None:
    settings = read(Scene(dotenv=TWO_KEYS, environ={"DRAGOMAN_PROVIDER": "openai"}), tmp_path)

    assert [channel.name for channel in settings.snapshot.channels] == ["openai"]
    assert "GIGACHAT_CREDENTIALS is not used" in notices(settings)


def test_a_profile_settles_keys_of_two_vendors(tmp_path: Path) -> None:
    file = '[[profiles]]\nname = "p"\nrules = [{ pattern = ".*", targets = [{ channel = "openai", model = "m" }] }]\n'
    dotenv = "OPENAI_API_KEY=o\nANTHROPIC_API_KEY=a\nPREFERRED_PROVIDER=\n"

    settings = read(Scene(file=file, dotenv=dotenv), tmp_path)

    assert "openai" in [channel.name for channel in settings.snapshot.channels]
    assert settings.snapshot.mapping is None


KEYS = {
    "beside an OpenAI key in .env: the clients'": (
        Scene(dotenv="OPENAI_API_KEY=o\nANTHROPIC_API_KEY=a\n"),
        ["openai"],
        ["a"],
    ),
    "beside a preferred provider: an upstream's, here not the preferred one": (
        Scene(dotenv="OPENAI_API_KEY=o\nANTHROPIC_API_KEY=a\nPREFERRED_PROVIDER=openai\n"),
        ["openai"],
        [],
    ),
    "beside a preferred provider: an upstream's": (
        Scene(dotenv="OPENAI_API_KEY=o\nANTHROPIC_API_KEY=a\nPREFERRED_PROVIDER=anthropic\n"),
        ["anthropic"],
        [],
    ),
    "alone in .env: an upstream's": (Scene(dotenv="ANTHROPIC_API_KEY=a\n"), ["anthropic"], []),
    "in the environment: nobody's": (Scene(environ={"ANTHROPIC_API_KEY": "a"}), [], []),
    "in the environment beside an OpenAI key: nobody's": (
        Scene(environ={"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o"}),
        ["openai"],
        [],
    ),
    "in the environment, chosen by name: an upstream's": (
        Scene(environ={"ANTHROPIC_API_KEY": "a", "DRAGOMAN_PROVIDER": "anthropic"}),
        ["anthropic"],
        [],
    ),
}


@pytest.mark.parametrize("case", KEYS)
def test_an_anthropic_key_is(case: str, tmp_path: Path) -> None:
    scene, channels, client_keys = KEYS[case]

    settings = read(scene, tmp_path)

    assert [channel.name for channel in settings.snapshot.channels] == channels
    assert [key.reveal() for key in settings.server.api_keys] == client_keys
    if "nobody" in case:
        assert "ANTHROPIC_API_KEY (environment): It is ignored" in notices(settings)


def test_names_go_through_to_the_vendor_they_belong_to(tmp_path: Path) -> None:
    assert read(Scene(dotenv="ANTHROPIC_API_KEY=a\n"), tmp_path).snapshot.mapping is None


def test_a_foreign_host_without_a_key_stays_on_loopback(tmp_path: Path) -> None:
    settings = read(Scene(dotenv="OPENAI_API_KEY=o\nHOST=0.0.0.0\n"), tmp_path)

    assert settings.server.host == "127.0.0.1"
    assert "HOST (.env): Whoever can reach 0.0.0.0 could use your accounts" in notices(settings)


def test_a_foreign_host_opens_where_that_was_asked_for(tmp_path: Path) -> None:
    settings = read(Scene(flags=Flags(open=True), dotenv="OPENAI_API_KEY=o\nHOST=0.0.0.0\n"), tmp_path)

    assert settings.server.host == "0.0.0.0"
    assert "--open: Whoever can reach 0.0.0.0" in notices(settings)


@pytest.mark.parametrize("line", ["DRAGOMAN_PORT=1", "PORT=2\nDRAGOMAN_PORT=1"])
def test_own_names_go_before_foreign_ones(line: str, tmp_path: Path) -> None:
    settings = read(Scene(dotenv=f"OPENAI_API_KEY=o\n{line}\n", environ={"PORT": "3"}), tmp_path)

    assert settings.server.port == 1


WITHOUT_MEANING = {
    "a port that is none": ("PORT=eighty", "PORT (.env): 'eighty' is not a whole number above 0."),
    "a limit that is none": ("MAX_TOKENS_LIMIT=-1", "MAX_TOKENS_LIMIT (.env): '-1' is not a whole number above 0."),
    "a header that is none": ("CUSTOM_HEADER_HOST=x", "The header 'HOST' belongs to the connection."),
    "Vertex": ("USE_VERTEX_AUTH=true", "USE_VERTEX_AUTH (.env): It is ignored: Vertex AI is set up as"),
    "an unknown preferred provider": ("PREFERRED_PROVIDER=acme", "'acme' is none of openai, anthropic"),
    "a preferred provider without a key": ("PREFERRED_PROVIDER=google", "'gemini' is chosen but GEMINI_API_KEY is not"),
}


@pytest.mark.parametrize("case", WITHOUT_MEANING)
def test_said_but_not_refused_is(case: str, tmp_path: Path) -> None:
    line, expected = WITHOUT_MEANING[case]

    assert expected in notices(read(Scene(dotenv=f"OPENAI_API_KEY=o\n{line}\n"), tmp_path))


WRONG_CHOICES = {
    "an unknown word": ("acme", "DRAGOMAN_PROVIDER: 'acme' is none of openai, anthropic, gemini, gigachat."),
    "a vendor without a key": ("anthropic", "'anthropic' is chosen but ANTHROPIC_API_KEY is not set."),
}


@pytest.mark.parametrize("case", WRONG_CHOICES)
def test_a_choice_is_refused_for(case: str, tmp_path: Path) -> None:
    word, expected = WRONG_CHOICES[case]

    assert expected in faults(Scene(dotenv=f"OPENAI_API_KEY=o\nDRAGOMAN_PROVIDER={word}\n"), tmp_path)


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GIGACHAT_CREDENTIALS"])
def test_a_key_of_a_vendor_never_stops_the_start(name: str, tmp_path: Path) -> None:
    settings = read(Scene(environ={name: "k"}), tmp_path)

    assert settings.snapshot.channels or name in notices(settings)


def test_one_model_of_gigachat_takes_every_name(tmp_path: Path) -> None:
    dotenv = "GIGACHAT_CREDENTIALS=k\nGIGACHAT_MODEL=GigaChat-2-Max\n"

    mapping = read(Scene(dotenv=dotenv), tmp_path).snapshot.mapping

    assert mapping == Mapping3(big="GigaChat-2-Max", middle="GigaChat-2-Max", small="GigaChat-2-Max")


GIGACHAT_KEYS = {
    "credentials": ("GIGACHAT_CREDENTIALS=k", "k"),
    "user and password": ("GIGACHAT_BASE_URL=https://g.example/v1\nGIGACHAT_USER=u\nGIGACHAT_PASSWORD=p", "u:p"),
    "a ready token": ("GIGACHAT_ACCESS_TOKEN=t", "Bearer t"),
    "credentials before a token": ("GIGACHAT_ACCESS_TOKEN=t\nGIGACHAT_CREDENTIALS=k", "k"),
    "a certificate alone": ("GIGACHAT_CERT_FILE=c.pem", ""),
}


@pytest.mark.parametrize("case", GIGACHAT_KEYS)
def test_a_key_of_gigachat_is(case: str, tmp_path: Path) -> None:
    text, key = GIGACHAT_KEYS[case]

    (channel,) = read(Scene(dotenv=f"{text}\n"), tmp_path).snapshot.channels

    assert (channel.name, channel.provider, channel.api_key.reveal()) == ("gigachat", "gigachat", key)


GIGACHAT_OPTIONS = {
    "GIGACHAT_SCOPE=GIGACHAT_API_B2B": ("scope", "GIGACHAT_API_B2B"),
    "GIGACHAT_AUTH_URL=https://a.example/oauth": ("auth_url", "https://a.example/oauth"),
    "GIGACHAT_CA_BUNDLE_FILE=/ca.pem": ("ca_bundle", "/ca.pem"),
    "GIGACHAT_CERT_FILE=/c.pem": ("certificate", "/c.pem"),
    "GIGACHAT_KEY_FILE=/k.pem": ("key", "/k.pem"),
    "GIGACHAT_KEY_FILE_PASSWORD=1": ("key_password", "1"),
    "GIGACHAT_VERIFY_SSL_CERTS=False": ("verify", "false"),
    "GIGACHAT_VERIFY_SSL_CERTS=1": ("verify", "true"),
    "GIGACHAT_PROFANITY_CHECK=0": ("profanity_check", "false"),
    'GIGACHAT_FLAGS=["a"]': ("flags", '["a"]'),
    "GPT2GIGA_GIGACHAT_API_MODE=v2": ("api", "v2"),
}


@pytest.mark.parametrize("line", GIGACHAT_OPTIONS)
def test_an_option_of_gigachat_is_made_of(line: str, tmp_path: Path) -> None:
    option, expected = GIGACHAT_OPTIONS[line]

    (channel,) = read(Scene(dotenv=f"GIGACHAT_CREDENTIALS=k\n{line}\n"), tmp_path).snapshot.channels

    secrets = {name: secret.reveal() for name, secret in channel.secret_options.items()}
    assert {**channel.options, **secrets} == {option: expected}


def test_connections_at_most_are_requests_at_once(tmp_path: Path) -> None:
    (channel,) = read(Scene(dotenv="GIGACHAT_CREDENTIALS=k\nGIGACHAT_MAX_CONNECTIONS=3\n"), tmp_path).snapshot.channels

    assert channel.limits == {"simultaneous": 3}


def test_every_setting_of_gigachat_s_sdk_has_an_effect_or_is_said_to_have_none() -> None:
    giga = next(vendor for vendor in FOREIGN.vendors if vendor.word == "gigachat")
    keys = {name for form in (*giga.other_keys, f"{{{giga.key}}}") for name in re.findall(r"{(\w+)}", form)}
    known = {*keys, giga.timeout, giga.address, giga.one_model, giga.simultaneous, *giga.options, *FOREIGN.idle}

    wanted = {f"{ENV_PREFIX}{name.upper()}" for name in SdkSettings.model_fields} - {
        "GIGACHAT_SSL_CONTEXT"
    }  # an object

    assert wanted <= known


@pytest.mark.parametrize("name", [name for name in FOREIGN.idle if name.startswith(("GIGACHAT_", "GPT2GIGA_"))])
def test_a_name_without_a_meaning_here_is_said_to_have_none(name: str, tmp_path: Path) -> None:
    said = notices(read(Scene(dotenv=f"GIGACHAT_CREDENTIALS=k\n{name}=5\n"), tmp_path))

    assert f"{name} (.env): It is ignored: {FOREIGN.idle[name]}." in said


def test_an_api_chooses_the_dialect(tmp_path: Path) -> None:
    lines = ["[[channels]]", 'name = "g"', 'provider = "gigachat"', 'api_key = "k"', "[channels.options]"]

    (channel,) = read(Scene(file="\n".join([*lines, 'api = "v2"'])), tmp_path).snapshot.channels
    told = faults(Scene(file="\n".join([*lines, 'api = "v3"'])), tmp_path)

    assert channel.dialect == "gigachat_v2"
    assert "GigaChat has no API 'v3'." in told


def test_certificates_that_are_not_looked_at_are_said(tmp_path: Path) -> None:
    said = notices(read(Scene(dotenv="GIGACHAT_CREDENTIALS=k\nGIGACHAT_VERIFY_SSL_CERTS=no\n"), tmp_path))

    assert "GIGACHAT_VERIFY_SSL_CERTS (.env): Any certificate is accepted" in said


def test_an_address_and_a_timeout_of_gigachat_count(tmp_path: Path) -> None:
    dotenv = "GIGACHAT_CREDENTIALS=k\nGIGACHAT_BASE_URL=https://g.example/api/v1\nGIGACHAT_TIMEOUT=600.0\n"

    (channel,) = read(Scene(dotenv=dotenv), tmp_path).snapshot.channels

    assert (channel.provider, channel.base_url) == ("gigachat", "https://g.example/api/v1")
    assert channel.timeouts == Timeouts(first_content_s=600, idle_s=600)


AT_ONCE = {
    "no scope": ("GIGACHAT_CREDENTIALS=k", {"simultaneous": 1}),
    "the scope of individuals": ("GIGACHAT_CREDENTIALS=k\nGIGACHAT_SCOPE=GIGACHAT_API_PERS", {"simultaneous": 1}),
    "a company's scope": ("GIGACHAT_CREDENTIALS=k\nGIGACHAT_SCOPE=GIGACHAT_API_CORP", {}),
    "a ready token": ("GIGACHAT_ACCESS_TOKEN=t", {}),
}


@pytest.mark.parametrize("case", AT_ONCE)
def test_requests_at_once_of_an_account_with(case: str, tmp_path: Path) -> None:
    text, expected = AT_ONCE[case]

    (channel,) = read(Scene(dotenv=f"{text}\n"), tmp_path).snapshot.channels

    assert channel.limits == expected


def test_a_channel_s_own_limit_goes_before_the_account_s(tmp_path: Path) -> None:
    file = '[[channels]]\nname = "g"\nprovider = "gigachat"\napi_key = "k"\n[channels.limits]\nsimultaneous = 4\n'

    (channel,) = read(Scene(file=file), tmp_path).snapshot.channels

    assert channel.limits == {"simultaneous": 4}


def test_a_gemini_proxy_s_dotenv_works_as_it_is(tmp_path: Path) -> None:
    dotenv = "GEMINI_API_KEY=k\nBIG_MODEL=gemini-3-pro\nSMALL_MODEL=gemini-3-flash\n"

    settings = read(Scene(dotenv=dotenv), tmp_path)

    (channel,) = settings.snapshot.channels
    assert (channel.name, channel.provider, channel.api_key) == ("gemini", "gemini", Secret("k"))
    assert settings.snapshot.mapping == Mapping3(big="gemini-3-pro", middle="gemini-3-pro", small="gemini-3-flash")


GATES = {
    "switched on": ("GPT2GIGA_ENABLE_API_KEY_AUTH=True\nGPT2GIGA_API_KEY=c", ["c"], "Clients must present it"),
    "not switched on": ("GPT2GIGA_API_KEY=c", [], "It is not asked for, since GPT2GIGA_ENABLE_API_KEY_AUTH is not on"),
    "switched off": ("GPT2GIGA_ENABLE_API_KEY_AUTH=0\nGPT2GIGA_API_KEY=c", [], "It is not asked for"),
}


@pytest.mark.parametrize("case", GATES)
def test_a_key_of_gpt2giga_that_is(case: str, tmp_path: Path) -> None:
    text, keys, said = GATES[case]

    settings = read(Scene(dotenv=f"GIGACHAT_CREDENTIALS=k\n{text}\n"), tmp_path)

    assert [key.reveal() for key in settings.server.api_keys] == keys
    assert f"GPT2GIGA_API_KEY (.env): {said}" in notices(settings)


def test_a_gate_of_gpt2giga_without_a_key_is_refused(tmp_path: Path) -> None:
    told = faults(Scene(dotenv="GIGACHAT_CREDENTIALS=k\nGPT2GIGA_ENABLE_API_KEY_AUTH=true\n"), tmp_path)

    assert "Clients are to present a key, but GPT2GIGA_API_KEY is not set." in told


def test_gpt2giga_s_place_to_listen_counts(tmp_path: Path) -> None:
    dotenv = "GIGACHAT_CREDENTIALS=k\nGPT2GIGA_HOST=localhost\nGPT2GIGA_PORT=8099\nGPT2GIGA_PASS_TOKEN=True\n"

    settings = read(Scene(dotenv=dotenv), tmp_path)

    assert (settings.server.host, settings.server.port) == ("localhost", 8099)
    assert "GPT2GIGA_PASS_TOKEN (.env): It is ignored" in notices(settings)


def test_the_demo_takes_every_name() -> None:
    snapshot = demo_snapshot("http://127.0.0.1:1/v1")

    (channel,) = snapshot.channels
    assert (channel.name, channel.base_url, channel.source) == ("demo", "http://127.0.0.1:1/v1", "demo")
    assert snapshot.mapping == Mapping3(big="demo-model", middle="demo-model", small="demo-model")
