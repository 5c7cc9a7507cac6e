"""What `dragoman.toml` gives, and each way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.routing.cards import ModelCard
from dragoman.routing.profile import RuleTarget
from dragoman.routing.snapshot import Mapping3, Timeouts
from dragoman.shapes.secret import Secret
from tests.settings.places import Scene, faults, notices, read

WHOLE = """
[server]
host = "127.0.0.2"
port = 9000
api_keys = ["env:CLIENT_KEY", "file:client.key"]
data_dir = "state"
log_level = "debug"
log_format = "json"

[[channels]]
name = "deep"
provider = "deepseek"
api_key = "env:DEEPSEEK_API_KEY"
models = ["deepseek-chat", "deepseek-reasoner"]
cards = [{ name = "deepseek-*", context = 1000, max_output = 100 }]
priority = 2
weight = 3
timeouts = { connect = 1, first_content = 2.5, idle = 3 }
headers = { X-Team = "env:TEAM" }
proxy = "http://proxy:3128"
max_output = 8192
limits = { simultaneous = 1 }

[[channels]]
name = "plain"
provider = "openai-compatible"
base_url = "http://127.0.0.1:9000/v1"

[[profiles]]
name = "default"
rules = [
  { model = "claude-haiku-4-5", targets = [{ channel = "deep", model = "deepseek-chat" }] },
  { pattern = "claude-.*", targets = [
      { channel = "deep", model = "deepseek-reasoner" },
      { channel = "plain", model = "m" } ] },
  { pattern = ".*", message = "No such model here." },
]
"""
VARIABLES = {"CLIENT_KEY": "client-1", "DEEPSEEK_API_KEY": "upstream-1", "TEAM": "agents"}


def test_every_key_of_a_whole_file_arrives(tmp_path: Path) -> None:
    settings = read(Scene(file=WHOLE, environ=VARIABLES, others={"client.key": "client-2\n"}), tmp_path)

    server = settings.server
    assert (server.host, server.port, server.log_level, server.log_format) == ("127.0.0.2", 9000, "debug", "json")
    assert server.api_keys == (Secret("client-1"), Secret("client-2"))
    assert server.data_dir == tmp_path / "state"
    deep, plain = settings.snapshot.channels
    assert (deep.name, deep.provider, deep.api_key, deep.models) == (
        "deep",
        "deepseek",
        Secret("upstream-1"),
        ("deepseek-chat", "deepseek-reasoner"),
    )
    assert deep.cards[0] == ModelCard(name="deepseek-*", context=1000, max_output=100)
    assert (deep.priority, deep.weight, deep.max_output) == (2, 3.0, 8192)
    assert deep.timeouts == Timeouts(connect_s=1, first_content_s=2.5, idle_s=3)
    assert deep.headers == {"X-Team": "agents"}
    assert deep.proxy == "http://proxy:3128"
    assert deep.limits == {"simultaneous": 1}
    assert plain.base_url == "http://127.0.0.1:9000/v1"
    assert plain.timeouts == Timeouts(first_content_s=plain.timeouts.first_content_s)


def test_profiles_arrive_with_compiled_patterns(tmp_path: Path) -> None:
    settings = read(Scene(file=WHOLE, environ=VARIABLES, others={"client.key": "k"}), tmp_path)

    (profile,) = settings.snapshot.profiles
    exact, family, rest = profile.rules
    assert exact.model == "claude-haiku-4-5"
    assert family.pattern
    assert family.pattern.fullmatch("claude-opus-5-5")
    assert family.targets == (RuleTarget("deep", "deepseek-reasoner"), RuleTarget("plain", "m"))
    assert (rest.targets, rest.message) == ((), "No such model here.")
    assert settings.snapshot.mapping is None


def test_a_provider_s_row_fills_what_the_channel_leaves_out(tmp_path: Path) -> None:
    file = '[[channels]]\nname = "d"\nprovider = "deepseek"\napi_key = "k"\n'

    (channel,) = read(Scene(file=file), tmp_path).snapshot.channels

    assert channel.base_url == "https://api.deepseek.com"
    assert channel.documented
    assert channel.source == "file"
    assert channel.habits.output_shapes == ("json_object",)


def test_names_of_the_environment_map_where_a_file_has_no_profile(tmp_path: Path) -> None:
    file = '[[channels]]\nname = "o"\nprovider = "ollama"\n'
    scene = Scene(file=file, environ={"BIG_MODEL": "b", "SMALL_MODEL": "s", "OPENAI_API_KEY": "unused"})

    settings = read(scene, tmp_path)

    assert [channel.name for channel in settings.snapshot.channels] == ["o"]
    assert settings.snapshot.mapping == Mapping3(big="b", middle="b", small="s")


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    settings = read(Scene(file=WHOLE, environ=VARIABLES, others={"client.key": "client-2"}), tmp_path)

    shown = f"{settings} {settings!r}"

    assert not [secret for secret in ("client-1", "client-2", "upstream-1") if secret in shown]


def channel(**members: str) -> str:
    """A file with one channel that is sound but for these members, given as TOML."""
    sound = {"name": '"a"', "provider": '"openai-compatible"', "base_url": '"http://127.0.0.1:1/v1"'}
    lines = [f"{key} = {value}" for key, value in {**sound, **members}.items() if value]
    return "\n".join(["[[channels]]", *lines, ""])


def rule(text: str) -> str:
    """A file with one sound channel and one rule, given as TOML."""
    return f'{channel()}\n[[profiles]]\nname = "p"\nrules = [{text}]\n'


WRONG = {
    "not TOML": ("[server\n", "This is not TOML: Expected ']' at the end of a table declaration"),
    "an unknown table": ("[sever]\n", "toml: sever: There is no such key. Did you mean 'server'?"),
    "an unknown key": ("server.prot = 1\n", "server.prot: There is no such key. Did you mean 'port'?"),
    "an unknown key, near none": ("server.zzz = 1\n", "Known here: api_keys, bodies_days, data_dir, database"),
    "a number as text": ('server.port = "1"\n', "server.port: Expected int, got str."),
    "a port too high": ("server.port = 65536\n", "server.port: Expected int <= 65535."),
    "a table as a number": ("server = 1\n", "server: A table is expected, not a number."),
    "channels as a table": ("[channels]\n", "channels: Expected list, got table."),
    "a list with a wrong item": ("server.api_keys = [1]\n", "server.api_keys[0]: Expected str, got int."),
    "an unknown word": ('server.log_level = "loud"\n', "server.log_level: Invalid enum value 'loud'."),
    "a channel without a name": (channel(name=""), "channels[1]: The key 'name' is missing. Add it."),
    "a name with a slash": (channel(name='"a/b"'), "channels['a/b'].name: Expected text matching"),
    "two channels of one name": (channel() + channel(), "channels['a']: Two channels have this name."),
    "an unknown provider": (
        channel(provider='"deepseak"'),
        "channels['a'].provider: There is no provider 'deepseak'. Did you mean 'deepseek'?",
    ),
    "a compatible row without an address": (channel(base_url=""), "no address of its own. Add base_url"),
    "an address without a scheme": (channel(base_url='"127.0.0.1:1"'), "'127.0.0.1:1' is not an HTTP address."),
    "an address with a password": (channel(base_url='"http://u:p@h/v1"'), "holds a user name or password"),
    "an address that is none": (channel(base_url='"http://[::1"'), "is not an address"),
    "a key's variable that is not set": (channel(api_key='"env:NO_SUCH"'), "The variable NO_SUCH is not set."),
    "a key's file that is not there": (channel(api_key='"file:no.key"'), "no.key cannot be read."),
    "a variable in another language": (channel(api_key='"${KEY}"'), 'Write "env:KEY".'),
    "a header of the connection": (channel(headers='{ Host = "x" }'), "The header 'Host' belongs to the connection."),
    "a header's name": (channel(headers='{ "a b" = "x" }'), "'a b' cannot be the name of a header."),
    "a header's value": (channel(headers='{ a = "x\\ny" }'), "characters that no header can carry"),
    "a proxy of another kind": (channel(proxy='"socks5://h:1"'), "Only HTTP proxies can be used."),
    "an option that the row lacks": (channel(options="{ flags = 1 }"), "options.flags: "),
    "an option that the row needs": (
        channel(provider='"vertex"', base_url=""),
        "Google Vertex AI needs the option 'project'.",
    ),
    "an unknown limit": (channel(limits="{ simultanous = 1 }"), "limits.simultanous: There is no such key."),
    "a limit of nothing": (channel(limits="{ simultaneous = 0 }"), "limits.simultaneous: Expected int >= 1."),
    "a negative share": (channel(weight="-1"), "weight: Expected float >= 0.0."),
    "no time at all": (channel(timeouts="{ idle = 0 }"), "timeouts.idle: Expected float > 0.0."),
    "a rule that matches nothing": (rule("{}"), "profiles['p'].rules[1]: The rule matches nothing."),
    "a rule that matches twice": (rule('{ model = "m", pattern = "p" }'), "both 'model' and 'pattern'"),
    "a pattern that is none": (rule('{ pattern = "a(" }'), "is no regular expression: missing ), unterminated"),
    "a target on an unknown channel": (
        rule('{ model = "m", targets = [{ channel = "b", model = "m" }] }'),
        "rules[1].targets[1].channel: There is no channel 'b'. Known here: a.",
    ),
    "a target without a model": (
        rule('{ model = "m", targets = [{ channel = "a" }] }'),
        "targets[1]: The key 'model' is missing.",
    ),
    "two profiles of one name": (rule("") + '[[profiles]]\nname = "p"\n', "profiles['p']: Two profiles"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused_with_its_place_is(case: str, tmp_path: Path) -> None:
    file, expected = WRONG[case]

    told = faults(Scene(file=file), tmp_path)

    assert expected in told
    assert all(line.startswith(str(tmp_path / "dragoman.toml")) for line in told.splitlines())


def test_everything_wrong_is_told_together(tmp_path: Path) -> None:
    file = "server.prt = 1\n" + channel(provider='"x"', api_key='"env:NO"') + '[[profiles]]\nname = "p"\nrules = [{}]\n'

    told = faults(Scene(file=file), tmp_path).splitlines()

    assert len(told) == 4


def test_a_channel_with_a_fault_is_not_missed_by_its_rules(tmp_path: Path) -> None:
    told = faults(
        Scene(file=rule('{ model = "m", targets = [{ channel = "a", model = "m" }] }').replace("http:", "ftp:")),
        tmp_path,
    )

    assert "no channel" not in told


def test_a_named_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    told = faults(Scene(environ={"DRAGOMAN_CONFIG": "gone.toml"}), tmp_path)

    assert told == f"{tmp_path / 'gone.toml'}: The file does not exist. Correct the path, or create the file."


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_bytes(b"a = '\xff'")

    assert "Byte 5 is not UTF-8." in faults(Scene(), tmp_path)


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    told = faults(Scene(file='server.api_keys = ["file:k"]', others={"k": "\n"}), tmp_path)

    assert "is empty" in told


def test_a_channel_without_a_key_is_said(tmp_path: Path) -> None:
    settings = read(Scene(file='[[channels]]\nname = "d"\nprovider = "deepseek"\n'), tmp_path)

    assert "is called without a key" in notices(settings)


def test_a_local_channel_needs_no_key(tmp_path: Path) -> None:
    assert notices(read(Scene(file=channel()), tmp_path)) == ""


OPEN = {
    "by the environment": Scene(environ={"DRAGOMAN_HOST": "0.0.0.0"}),
    "by the file": Scene(file='server.host = "192.168.0.1"'),
    "by .env": Scene(dotenv="DRAGOMAN_HOST=::"),
    "by a name": Scene(environ={"DRAGOMAN_HOST": "example.org"}),
}


@pytest.mark.parametrize("case", OPEN)
def test_off_loopback_without_a_key_it_depends_on_the_database(case: str, tmp_path: Path) -> None:
    assert read(OPEN[case], tmp_path).server.needs_stored_keys


CLOSED = {
    "loopback": Scene(environ={"DRAGOMAN_HOST": "127.9.9.9"}),
    "loopback of IPv6 in brackets": Scene(environ={"DRAGOMAN_HOST": "[::1]"}),
    "localhost": Scene(environ={"DRAGOMAN_HOST": "localhost"}),
    "a key": Scene(environ={"DRAGOMAN_HOST": "0.0.0.0", "DRAGOMAN_API_KEYS": "k"}),
}


@pytest.mark.parametrize("case", CLOSED)
def test_listening_is_allowed_with(case: str, tmp_path: Path) -> None:
    assert faults(CLOSED[case], tmp_path) == ""
