"""A working folder and a home folder to read settings from, made of the texts a test names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from dragoman.settings.load import load
from dragoman.settings.record import Flags, Settings, SettingsRefused


class Scene(Struct, frozen=True, kw_only=True):
    """What lies where before settings are read."""

    flags: Flags = Flags()
    environ: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    """`dragoman.toml` in the working folder."""
    dotenv: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    """Other files, below the working folder; `home/` is the home folder."""


def read(scene: Scene, folder: Path) -> Settings:
    """The settings of a scene."""
    texts = {"dragoman.toml": scene.file, ".env": scene.dotenv, **scene.others}
    for name, text in texts.items():
        if text is not None:
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    return load(scene.flags, scene.environ, folder, folder / "home")


def faults(scene: Scene, folder: Path) -> str:
    """What is wrong with the settings of a scene, one line per fault; empty if nothing is."""
    try:
        read(scene, folder)
    except SettingsRefused as refused:
        return str(refused)
    return ""


def notices(settings: Settings) -> str:
    """What is said at start."""
    return "\n".join(map(str, settings.notices))
