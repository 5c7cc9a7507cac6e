"""Flags go before the environment, it before the file, and that before `.env`; each value for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.settings.record import Flags
from tests.settings.places import Scene, notices, read

LAYERS = {
    "flags": (Flags(port=1), "--port"),
    "environment": ({"DRAGOMAN_PORT": "2"}, "DRAGOMAN_PORT (environment)"),
    "file": ("[server]\nport = 3\n", "server.port"),
    ".env": ("DRAGOMAN_PORT=4\n", "DRAGOMAN_PORT (.env)"),
}


@pytest.mark.parametrize("first", range(5))
def test_the_first_layer_that_has_a_value_decides(first: int, tmp_path: Path) -> None:
    present = list(LAYERS)[first:]
    scene = Scene(
        flags=Flags(port=1) if "flags" in present else Flags(),
        environ={"DRAGOMAN_PORT": "2"} if "environment" in present else {},
        file="[server]\nport = 3\n" if "file" in present else None,
        dotenv="DRAGOMAN_PORT=4\n" if ".env" in present else None,
    )

    settings = read(scene, tmp_path)

    assert settings.server.port == (first + 1 if first < 4 else 8090)
    source = LAYERS[present[0]][1] if present else "default"
    assert settings.sources["server.port"].endswith(source)


def test_each_value_has_its_own_source(tmp_path: Path) -> None:
    scene = Scene(
        flags=Flags(host="::1"),
        environ={"DRAGOMAN_LOG_LEVEL": "debug"},
        file='[server]\nport = 9000\nlog_format = "json"\n',
        dotenv="DRAGOMAN_API_KEYS=a, b\nDRAGOMAN_PORT=1\n",
    )

    server = read(scene, tmp_path).server

    assert (server.host, server.port, server.log_level, server.log_format) == ("::1", 9000, "debug", "json")
    assert [key.reveal() for key in server.api_keys] == ["a", "b"]


FILES = {
    "named by the flag": (Flags(config="a.toml"), {"DRAGOMAN_CONFIG": "b.toml"}, 1),
    "named by the environment": (Flags(), {"DRAGOMAN_CONFIG": "b.toml"}, 2),
    "in the working folder": (Flags(), {}, 3),
}


@pytest.mark.parametrize("case", FILES)
def test_the_file_is_the_one(case: str, tmp_path: Path) -> None:
    flags, environ, port = FILES[case]
    others = {
        "a.toml": "server.port = 1",
        "b.toml": "server.port = 2",
        "home/.config/dragoman/dragoman.toml": "server.port = 4",
    }

    settings = read(Scene(flags=flags, environ=environ, file="server.port = 3", others=others), tmp_path)

    assert settings.server.port == port


def test_the_home_folder_s_file_is_read_where_the_working_folder_has_none(tmp_path: Path) -> None:
    settings = read(Scene(others={"home/.config/dragoman/dragoman.toml": "server.port = 4"}), tmp_path)

    assert settings.server.port == 4
    assert settings.file == tmp_path / "home/.config/dragoman/dragoman.toml"


FOLDERS = {
    "from the file, against the file": (Scene(file='server.data_dir = "d"'), "d"),
    "from a file elsewhere, against that file": (
        Scene(flags=Flags(config="sub/x.toml"), others={"sub/x.toml": 'server.data_dir = "d"'}),
        "sub/d",
    ),
    "from the environment, against the working folder": (
        Scene(environ={"DRAGOMAN_DATA": "d"}, flags=Flags(config="sub/x.toml"), others={"sub/x.toml": ""}),
        "d",
    ),
    "with a tilde, against the home folder": (Scene(file='server.data_dir = "~/d"'), "home/d"),
    "by default, below the home folder": (Scene(), "home/.local/share/dragoman"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_the_data_folder_resolves(case: str, tmp_path: Path) -> None:
    scene, expected = FOLDERS[case]

    assert read(scene, tmp_path).server.data_dir == tmp_path / expected


def test_nothing_set_starts_and_says_what_to_do(tmp_path: Path) -> None:
    settings = read(Scene(), tmp_path)

    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8090)
    assert settings.snapshot.channels == ()
    assert "dragoman --demo" in notices(settings)
    assert "OPENAI_API_KEY" in notices(settings)


def test_the_demo_reads_neither_file_nor_dotenv(tmp_path: Path) -> None:
    scene = Scene(flags=Flags(demo=True), file="this is not TOML", dotenv="OPENAI_API_KEY=k\nDRAGOMAN_PORT=1\n")

    settings = read(scene, tmp_path)

    assert settings.server.port == 8090
    assert settings.snapshot.channels == ()
    assert settings.notices == ()


def test_dotenv_is_read_as_its_loaders_do(tmp_path: Path) -> None:
    text = "\ufeffexport NAME='ab'\n# a comment\nDRAGOMAN_API_KEYS=\"${NAME}c\" # one key\nnot a line\n"

    settings = read(Scene(dotenv=text), tmp_path)

    assert [key.reveal() for key in settings.server.api_keys] == ["abc"]
    assert f"{tmp_path / '.env'}:4: The line is not NAME=value." in notices(settings)


def test_a_misspelt_variable_is_said(tmp_path: Path) -> None:
    settings = read(Scene(environ={"DRAGOMAN_PROT": "1", "DRAGOMAN_REQUIRE_ALL": "1"}), tmp_path)

    assert "DRAGOMAN_PROT: There is no such variable, so it changes nothing. Did you mean 'DRAGOMAN_PORT'?" in notices(
        settings
    )
    assert "REQUIRE_ALL" not in notices(settings)


def test_reading_does_not_look_at_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_PORT", "1")
    monkeypatch.setenv("NAME", "of this process")

    settings = read(Scene(dotenv="DRAGOMAN_API_KEYS=x${NAME}y"), tmp_path)

    assert settings.server.port == 8090
    assert [key.reveal() for key in settings.server.api_keys] == ["xy"]
