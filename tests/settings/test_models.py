"""`[[models]]`: what file and database say of models, and what of it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from dragoman.ledger.book import PriceBook
from dragoman.providers.catalog import catalog
from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.offer import offers
from dragoman.routing.plan import Ask, Plan
from dragoman.routing.snapshot import Snapshot
from dragoman.settings.load import load
from dragoman.settings.record import Flags, SettingsRefused
from dragoman.settings.stored import Stored, joined
from dragoman.shapes.model import ModelTable
from dragoman.web.details import described
from tests.routing.house import channel

CHANNEL = '[[channels]]\nname = "a"\nprovider = "openai-compatible"\nbase_url = "http://127.0.0.1:9/v1"\n'


def loaded(text: str, folder: Path) -> Snapshot:
    """What a file configures."""
    (folder / "dragoman.toml").write_text(CHANNEL + text, encoding="utf-8")
    return load(Flags(), {}, folder, folder).snapshot


def test_a_file_describes_models(tmp_path: Path) -> None:
    found = loaded(
        'api_keys = ["k", "l"]\nmodels = ["m"]\ntrim = ["v"]\nany_case = true\nlisted = "none"\n'
        '[[models]]\nname = "M"\n'
        'title = "My Model"\ndeveloper = "me"\ngroup = "g"\nicon = "star"\ntype = "chat"\ncontext = 10\n'
        'max_output = 5\ntakes = ["text", "image"]\ngives = ["text"]\nreasoning = false\ntools = true\n'
        'knowledge = "2026-03"\nreleased = "2026-03-31"\n',
        tmp_path,
    )

    only = found.channels[0]
    assert (only.trim, only.any_case, only.listed) == (("v",), True, "none")
    for one in (only, *only.accounts):
        card = one.known.of("m")
        assert (card.title, card.context, card.takes, card.tools) == ("My Model", 10, ("text", "image"), True)
    assert found.models[0].released == "2026-03-31"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[models]]\nname = "m"\n[[models]]\nname = "M"\n', "Two models have this name"),
        ('[[models]]\nname = ""\n', "length"),
        ('[[models]]\nname = "m"\ntype = "smell"\n', "type"),
        ('[[models]]\nname = "m"\ntakes = ["smell"]\n', "takes"),
        ('[[models]]\nname = "m"\ncontext = 0\n', "context"),
        ('[[models]]\nname = "m"\nreleased = "soon"\n', "released"),
        ('[[models]]\nname = "m"\nreleased = "2026-13-01"\n', "released"),
        ('[[models]]\nname = "m"\ncolour = "red"\n', "no such key"),
        ('[[models]]\ntitle = "m"\n', "'name' is missing"),
        ('listed = "some"\n', "listed"),
        ('trim = ["/a"]\n', "trim"),
        ('trim = ["a/"]\n', "trim"),
        ('trim = [""]\n', "trim"),
        ('any_case = "yes"\n', "any_case"),
    ],
)
def test_what_is_no_model_is_refused_by_name(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused) as refused:
        loaded(text, tmp_path)
    assert words in str(refused.value)


def test_the_database_adds_models_and_the_file_goes_first(tmp_path: Path) -> None:
    base = loaded('[[models]]\nname = "m"\ncontext = 10\n', tmp_path)
    stored = Stored((), (), 1, cards=(ModelTable(name="M", context=20), ModelTable(name="n", context=30)))

    found, notices = joined(replace(base, channels=(channel("a"),)), stored, {}, tmp_path)
    assert [found.channels[0].known.of(name).context for name in ("m", "n")] == [10, 30]
    assert [str(notice).partition(":")[0] for notice in notices] == ["model 'M'"]


def test_what_is_published_of_a_name_is_told_but_never_keeps_a_server_of_ones_own_from_being_asked(
    tmp_path: Path,
) -> None:
    found = loaded('models = ["gpt-5.5"]\n', tmp_path)
    book = PriceBook([], lists={row.id: row.price_list for row in catalog().values()})
    huge = Ask(door="openai_chat", asked="gpt-5.5", prompt_tokens=10**8, has_tools=True, has_images=True)

    assert book.fact("openai-compatible", "gpt-5.5").context, "it is published"
    card = found.channels[0].known.of("gpt-5.5")
    assert (card.context, card.max_output, card.takes, card.tools) == (None, None, (), None)
    plan = decide(found, Health(), huge, 0, 0.0)
    assert isinstance(plan, Plan)
    assert plan.attempts[0].max_output is None
    (offer,) = offers(found, ("openai_chat",))
    assert described(offer, book).context == book.fact("openai-compatible", "gpt-5.5").context
    assert offer.card.context is None
