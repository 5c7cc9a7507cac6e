"""How channels of the file are reached: proxies by name, authorities, and secrets among options."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.providers.catalog import catalog
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.settings.load import load
from dragoman.settings.record import Flags, Settings, SettingsRefused
from dragoman.settings.stored import Stored, joined
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.proxy import fault_of_proxy, is_proxy
from dragoman.shapes.secret import Secret

AUTHORITY = Path(__file__).parents[1] / "faults" / "certificates" / "authority.pem"
CHANNEL = '[[channels]]\nname = "a"\nprovider = "openai"\napi_key = "sk-1"\n'


def read(folder: Path, text: str, **environ: str) -> Settings:
    (folder / "dragoman.toml").write_text(text)
    return load(Flags(), environ, folder, folder)


def only(found: Settings) -> Channel:
    (channel,) = found.snapshot.channels
    return channel


@pytest.mark.parametrize(
    ("said", "proxy", "named"),
    [
        ("", None, False),
        ('proxy = "environment"', None, False),
        ('proxy = "none"', "", False),
        ('proxy = "http://h:1"', "http://h:1", False),
        ('proxy = "https://u:p@h:1"', "https://u:p@h:1", False),
        ('proxy = "office"', "http://user:word@office:3128", True),
        ('proxy = "env:THE_PROXY"', "http://h:2", False),
        ('proxy = "env:THE_NAME"', "http://user:word@office:3128", True),
    ],
)
def test_a_channel_goes_by(tmp_path: Path, said: str, proxy: str | None, named: bool) -> None:
    text = f'[proxies]\noffice = "env:OFFICE"\n{CHANNEL}{said}\n'
    environ = {"OFFICE": "http://user:word@office:3128", "THE_PROXY": "http://h:2", "THE_NAME": "office"}
    channel = only(read(tmp_path, text, **environ))
    assert (channel.proxy, channel.named_proxy) == (proxy, named)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CHANNEL + 'proxy = "offise"', "There is no proxy 'offise'. Did you mean 'office'?"),
        (CHANNEL + 'proxy = "socks5://h:1"', "Only HTTP proxies can be used."),
        (CHANNEL + 'proxy = "http://h:1 x"', "Only HTTP proxies can be used."),
        (CHANNEL + 'proxy = "env:NOWHERE"', "The variable NOWHERE is not set."),
        (CHANNEL + 'proxy = ""', "proxy"),
        (CHANNEL + "keepalive = 1", "keepalive"),
        (CHANNEL + 'ca_bundle = "gone.pem"', "gone.pem cannot be read"),
        (CHANNEL + 'ca_bundle = "dragoman.toml"', "no certificate that can be read"),
        (CHANNEL + 'ca_bundle = "key.pem"', "holds a private key"),
        (CHANNEL + 'ca_bundle = "."', "cannot be read"),
        ('[proxies]\nnone = "http://h:1"', "'none' means something else"),
        ('[proxies]\n"a b" = "http://h:1"', "proxies"),
        ('[proxies]\nb = "ftp://h:1"', "The proxy 'b' is no HTTP proxy."),
        ('[proxies]\nb = "file:gone"', "cannot be read"),
        ("[proxies]\nb = 1", "proxies"),
        ('[settings.proxies]\nb = "http://h:1"', "[proxies]"),
        (CHANNEL.replace("sk-1", "") + '[channels.options]\nclient_id = "c"', "no such option"),
    ],
)
def test_what_leads_astray_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    text = text if text.startswith("[") and "[proxies" in text else '[proxies]\noffice = "http://o:1"\n' + text
    with pytest.raises(SettingsRefused) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


def test_a_channel_of_the_file_trusts_a_file_or_a_text(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_bytes(AUTHORITY.read_bytes())
    assert only(read(tmp_path, CHANNEL + 'ca_bundle = "own.pem"')).ca_bundle == str(tmp_path / "own.pem")
    text = f'{CHANNEL}ca_bundle = """\n{AUTHORITY.read_text()}"""\nkeepalive = false\n'
    channel = only(read(tmp_path, text))
    assert (channel.ca_bundle, channel.keepalive) == (AUTHORITY.read_text().strip(), False)


def test_a_clients_secret_is_fetched_and_never_shows(tmp_path: Path) -> None:
    text = """[[channels]]
name = "a"
provider = "azure"
base_url = "https://x.openai.azure.com"
[channels.options]
tenant = "t"
client_id = "c"
client_secret = "env:AZURE_SECRET"
"""
    found = read(tmp_path, text, AZURE_SECRET="hidden-secret")
    assert only(found).secret_options == {"client_secret": Secret("hidden-secret")}
    assert "client_secret" not in only(found).options
    assert "hidden-secret" not in repr(found)
    assert not [notice for notice in found.notices if "without a key" in notice.what]


def test_the_files_proxies_go_before_those_of_the_database() -> None:
    base = Snapshot(proxies={"office": Secret("http://file:1")})
    table = ChannelTable(name="a", provider="openai", api_key="sk-1", proxy="office")
    lab = ChannelTable(name="b", provider="openai", api_key="sk-1", proxy="lab")
    stored = Stored((table, lab), (), 1, {"office": "http://database:1", "lab": "http://lab:1", "bad": "ftp://x"})
    snapshot, notices = joined(base, stored, catalog(), Path("/nowhere"))
    assert [channel.proxy for channel in snapshot.channels] == ["http://file:1", "http://lab:1"]
    assert ["bad" in str(notice) for notice in notices] == [True]


def test_a_channel_whose_proxy_is_gone_is_not_sent_out_without_one() -> None:
    table = ChannelTable(name="a", provider="openai", api_key="sk-1", proxy="gone")
    snapshot, notices = joined(Snapshot(), Stored((table,), (), 1), catalog(), Path("/nowhere"))
    assert not snapshot.channels
    assert "There is no proxy 'gone'" in str(notices[0])


@given(st.text(max_size=30))
def test_no_text_breaks_the_look_at_a_proxy(text: str) -> None:
    assert isinstance(is_proxy(text), bool)
    assert isinstance(is_proxy(f"http://{text}"), bool)
    assert fault_of_proxy("none", f"http://{text}")
