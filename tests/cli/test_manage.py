"""What the admin API manages can be managed by hand, on a database of one's own."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from dragoman.cli.money import budget_of
from dragoman.store.keys import KEY, is_well_formed
from tests.cli.spoken import said
from tests.standin import StandIn

CHANNEL = 'name = "a"\nprovider = "openai"\napi_key = "sk-secret-1234"\nmodels = ["m"]\n'


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_channels_are_put_shown_switched_off_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text(CHANNEL)
    assert said(capsys, "channels", "put", "a.toml") == "a is added.\n"
    assert said(capsys, "channels", "put", "a.toml") == "a is changed.\n"
    assert "sk-secret" not in said(capsys, "channels", "show", "a")
    assert "1. m on a" in said(capsys, "plan", "m")
    assert said(capsys, "channels", "disable", "a") == "a is disabled.\n"
    assert "switched off" in said(capsys, "plan", "m")
    assert "There is no 'b' among the channels. There are: a." in said(capsys, "channels", "show", "b", code=2)
    (tmp_path / "b.toml").write_text(CHANNEL.replace("openai", "gone"))
    assert "no provider 'gone'" in said(capsys, "channels", "put", "b.toml", code=2)
    assert said(capsys, "channels", "remove", "a") == "a is removed.\n"


def test_what_was_archived_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text(CHANNEL)
    said(capsys, "channels", "put", "a.toml")
    said(capsys, "channels", "archive", "a")
    assert "a  " not in said(capsys, "channels", "list")
    assert "a     archived" in said(capsys, "channels", "list", "--archived")
    assert said(capsys, "channels", "enable", "a") == "a is enabled.\n"
    said(capsys, "channels", "archive", "a")
    said(capsys, "channels", "put", "a.toml")
    assert said(capsys, "channels", "disable", "a") == "a is disabled.\n"
    told = json.loads(said(capsys, "channels", "list", "--archived", "--json"))
    assert sorted(row["state"] for row in told) == ["archived", "disabled"]
    assert said(capsys, "channels", "remove", "a") == said(capsys, "channels", "remove", "a") == "a is removed.\n"
    assert "There are: none." in said(capsys, "channels", "remove", "a", code=2)


@pytest.mark.parametrize("words", [("import",), ("channels", "put")])
def test_a_file_that_is_not_there_is_named(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert "gone.yaml cannot be read: No such file or directory." in said(capsys, *words, "gone.yaml", code=2)


def test_what_is_neither_json_nor_toml_is_told_where_it_came_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.toml").write_bytes(b'name = "\xff"')
    assert "a.toml was read but holds no JSON or TOML" in said(capsys, "channels", "put", "a.toml", code=2)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"name = ")))
    assert "Standard input was read but holds no JSON" in said(capsys, "channels", "put", "-", code=2)


def test_a_key_is_made_and_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "keys", "add", "laptop", "--budget", "20 USD/month", "--rpm", "60").splitlines()[0]
    assert is_well_formed(text, KEY)
    listed = said(capsys, "keys", "list", "--json")
    assert text not in listed
    (key,) = json.loads(listed)
    assert key["spec"]["limits"]["rpm"] == 60
    assert "month   20 USD  0" in said(capsys, "keys", "usage", "laptop")
    assert said(capsys, "keys", "rotate", "laptop").splitlines()[0] != text


def test_a_key_is_changed_and_what_is_not_said_stays(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "keys", "add", "laptop", "--budget", "20 USD/month", "--rpm", "60", "--model", "a-*", "--days", "3")
    before = json.loads(said(capsys, "keys", "show", "laptop"))
    assert before["expires_ms"] - before["created_ms"] == pytest.approx(3 * 86_400_000, abs=60_000)
    assert (
        said(capsys, "keys", "change", "laptop", "--budget", "30 USD/month", "--tpm", "500") == "laptop is changed.\n"
    )
    spec = json.loads(said(capsys, "keys", "show", "laptop"))["spec"]
    assert spec["budgets"][0]["money"] == "30"
    assert (spec["limits"]["rpm"], spec["limits"]["tpm"], spec["models"]) == (60, 500, ["a-*"])
    said(
        capsys,
        "keys",
        "change",
        "laptop",
        "--rename",
        "desk",
        "--budget",
        "",
        "--model",
        "",
        "--rpm",
        "0",
        "--days",
        "0",
    )
    after = json.loads(said(capsys, "keys", "show", "desk"))
    assert (after["spec"]["budgets"], after["spec"]["models"], after["spec"]["limits"]["rpm"]) == ([], [], None)
    assert (after["expires_ms"], after["public_id"]) == (None, before["public_id"])
    assert "Write it as" in said(capsys, "keys", "change", "desk", "--budget", "much", code=2)
    assert "There is no 'laptop' among the keys" in said(capsys, "keys", "change", "laptop", code=2)


def test_a_key_takes_profiles_that_are_there_and_keeps_one_that_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "over already" in said(capsys, "keys", "add", "old", "--days", "-1", code=2)
    assert "There is no profile 'codng'." in said(capsys, "keys", "add", "laptop", "--profile", "codng", code=2)
    (tmp_path / "p.toml").write_text('name = "coding"')
    said(capsys, "profiles", "put", "p.toml")
    said(capsys, "keys", "add", "laptop", "--profile", "coding")
    assert "no profile 'c'" in said(capsys, "keys", "change", "laptop", "--profile", "c", code=2)
    assert "key 'laptop'" in said(capsys, "profiles", "remove", "coding", code=2)
    said(capsys, "profiles", "remove", "coding", "--force")
    assert said(capsys, "keys", "change", "laptop", "--note", "his old one") == "laptop is changed.\n"


def test_budgets_of_channels_projects_and_users_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = '[[budgets]]\nwindow = "past 5h"\ntokens = 1000\nmodels = ["m*"]\n'
    (tmp_path / "a.toml").write_text(CHANNEL + budget)
    (tmp_path / "shop.toml").write_text('name = "shop"\n' + budget)
    for kind, name in (("channels", "a"), ("projects", "shop")):
        said(capsys, kind, "put", f"{name}.toml")
        assert "past 5h  1,000 tokens for m*" in said(capsys, kind, "usage", name)
    (tmp_path / "all.yaml").write_text(said(capsys, "export"))
    assert (tmp_path / "all.yaml").read_text().count("past 5h") == 2
    assert said(capsys, "import", "all.yaml") == "2 unchanged\n"
    (tmp_path / "shop.toml").write_text('name = "shop"\n[[budgets]]\nwindow = "past 32d"\ntokens = 1\n')
    assert "not between 10 minutes and 31 days" in said(capsys, "projects", "put", "shop.toml", code=2)
    assert "There is no user 'anna'" in said(capsys, "users", "usage", "anna", code=2)


def test_a_bill_is_made_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = {"name": "half", "value": {"model": "*", "factor": "0.5"}}
    (tmp_path / "half.json").write_text(json.dumps(half))
    assert said(capsys, "prices", "put", "half.json") == "half is added.\n"
    told = said(capsys, "prices", "test", "claude-sonnet-4-5", "--provider", "anthropic", "--input", "100000")
    assert "input   100,000    1.5000           0.150000" in told
    assert "times the factor of your price 'half'." in told
    (tmp_path / "all.yaml").write_text(said(capsys, "export"))
    assert said(capsys, "import", "all.yaml") == "1 unchanged\n"
    assert "There is no channel 'gone'" in said(capsys, "prices", "test", "m", "--channel", "gone", code=2)
    (tmp_path / "half.json").write_text(json.dumps({"name": "half", "value": {"model": "*", "factor": "-1"}}))
    assert "it is a number from 0 to 1000" in said(capsys, "prices", "put", "half.json", code=2)


def test_the_configuration_leaves_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text(CHANNEL)
    said(capsys, "channels", "put", "a.toml")
    (tmp_path / "all.yaml").write_text(said(capsys, "export"))
    assert said(capsys, "import", "all.yaml") == "1 unchanged\n"


def test_a_gateway_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "http://127.0.0.1:9 was asked" in said(capsys, "keys", "list", "--url", "http://127.0.0.1:9", code=2)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("20 USD/month", {"window": "month", "money": "20", "currency": "USD"}),
        ("0.5 eur / day", {"window": "day", "money": "0.5", "currency": "EUR"}),
        ("1_000,000 tokens/day", {"window": "day", "tokens": 1_000_000}),
        ("500 requests/total", {"window": "total", "requests": 500}),
        ("5 USD/past 5h", {"window": "past 5h", "money": "5", "currency": "USD"}),
        (
            "9 tokens/day in Europe/Moscow for claude-opus-*, gpt-*",
            {"window": "day", "zone": "Europe/Moscow", "models": ["claude-opus-*", "gpt-*"], "tokens": 9},
        ),
    ],
)
def test_a_budget_is_written_as_people_write_it(text: str, budget: dict[str, object]) -> None:
    assert budget_of(text) == budget


@pytest.mark.parametrize(
    "text", ["", "20", "20 USD", "20 USD/year", "x tokens/day", "1.5 tokens/day", "-1 USD/day", "1 USD/past h"]
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="budget"):
        budget_of(text)


def test_a_channel_is_tried_and_asked_for_its_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StandIn(models=("vendor-a", "vendor-b", "other")) as upstream:
        described = CHANNEL.replace('"openai"', '"openai-compatible"') + f'base_url = "{upstream.url}/v1"\n'
        (tmp_path / "a.toml").write_text(described)
        assert "private = true" in said(capsys, "channels", "put", "a.toml", code=2)
        (tmp_path / "a.toml").write_text(described + 'private = true\n[sync]\npattern = "vendor-.*"\n')
        said(capsys, "channels", "put", "a.toml")
        assert said(capsys, "channels", "models", "a") == "vendor-a\nvendor-b\n"
        assert said(capsys, "channels", "sync", "a") == "a takes 2 of 3 models.\n"
        assert "vendor-b on a" in said(capsys, "plan", "vendor-b")
        tried = said(capsys, "channels", "test", "a", "--model", "vendor-a", "--what", "text", "--what", "stream")
        assert tried.count("works") == 2
        assert "no_call" in said(capsys, "channels", "test", "a", "--model", "vendor-a", "--what", "tool", code=1)
        assert "a        fit" in said(capsys, "channels", "health")


def test_what_was_tried_is_remembered_and_what_is_left_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StandIn(api_key="sk-right") as upstream:
        spec = tmp_path / "channel.json"
        text = (
            '{"name": "a", "provider": "openai-compatible", "base_url": "%s/v1", "private": true,'
            ' "api_key": "sk-right", "models": ["vendor-small"]}'
        )
        spec.write_text(text % upstream.url)
        said(capsys, "channels", "put", str(spec))
        assert "a was not tested yet" in said(capsys, "channels", "tests", "a")
        said(capsys, "channels", "test", "a", "--what", "text")
        shown = said(capsys, "channels", "tests", "a")
        assert ("vendor-small" in shown, "works," in shown) == (True, True)
        assert '"ok": true' in said(capsys, "channels", "tests", "a", "--json")
        assert "left" in said(capsys, "channels", "health").splitlines()[0]


def test_a_channel_that_moves_needs_its_secrets_or_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "channel.json"
    spec.write_text('{"name": "a", "provider": "openai", "api_key": "sk-secret-123456"}')
    said(capsys, "channels", "put", str(spec))
    kept = said(capsys, "channels", "show", "a")
    moved = tmp_path / "moved.json"
    found = json.loads(kept)["spec"]
    moved.write_text(json.dumps({**found, "base_url": "https://two.example/v1"}))
    assert "Give the secrets anew" in said(capsys, "channels", "put", str(moved), code=2)
    assert "a is changed" in said(capsys, "channels", "put", str(moved), "--keep-secrets")


def test_many_channels_are_changed_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        (tmp_path / f"{name}.toml").write_text(CHANNEL.replace('"a"', f'"{name}"') + 'tags = ["eu"]\nnote = "Ours."\n')
        said(capsys, "channels", "put", f"{name}.toml")
    (tmp_path / "set.json").write_text('{"name": "cool", "body": [{"op": "delete", "path": "user"}]}')
    assert said(capsys, "overrides", "put", "set.json") == "cool is added.\n"
    assert "Ours." in said(capsys, "channels", "list")
    told = said(capsys, "channels", "bulk", "--tagged", "eu", "--weight", "2", "--add-overrides", "cool")
    assert told == "a, b changed.\n"
    row = json.loads(said(capsys, "channels", "show", "b"))
    assert (row["spec"]["weight"], row["spec"]["overrides"]) == (2.0, ["cool"])
    assert "used by channel 'a', channel 'b'" in said(capsys, "overrides", "remove", "cool", code=2)
    assert "no channel c" in said(capsys, "channels", "bulk", "a", "c", "--state", "disabled", code=2)
    assert "not said which" in said(capsys, "channels", "bulk", "--state", "disabled", code=2)
    assert "nothing of what" in said(capsys, "channels", "bulk", "a", code=2)
    assert said(capsys, "channels", "copy", "a", "z").startswith("z is like a and disabled. Give it its secrets")
    assert said(capsys, "channels", "bulk", "a", "b", "z", "--remove") == "All of them are removed.\n"
    assert said(capsys, "overrides", "remove", "cool") == "cool is removed.\n"


def test_many_channels_are_tried_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StandIn(api_key="sk-secret-1234", models=["m"]) as upstream:
        for name, key in (("a", "sk-secret-1234"), ("b", "sk-wrong-12345")):
            text = CHANNEL.replace('"a"', f'"{name}"').replace('"openai"', '"openai-compatible"')
            more = f'base_url = "{upstream.url}/v1"\nprivate = true\n'
            (tmp_path / "c.toml").write_text(text.replace("sk-secret-1234", key) + more)
            said(capsys, "channels", "put", "c.toml")
        told = said(capsys, "channels", "try", "a", "b", code=1)
    assert "works  text   a" in told
    assert "fails  text   b" in told


def test_a_channel_without_the_key_it_needs_is_added_and_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bare.toml").write_text('name = "bare"\nprovider = "openai"\napi_key = ""\n')
    told = said(capsys, "channels", "put", "bare.toml")
    assert told == "bare is added.\nBut: OpenAI is called without a key, which it will refuse.\n"


def test_a_thing_is_called_otherwise_and_keeps_its_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text(CHANNEL)
    (tmp_path / "web.toml").write_text('name = "web"')
    said(capsys, "channels", "put", "a.toml")
    said(capsys, "projects", "put", "web.toml")
    said(capsys, "keys", "add", "laptop", "--project", "web")
    assert said(capsys, "channels", "rename", "a", "b") == "a is called b now.\n"
    assert json.loads(said(capsys, "channels", "show", "b"))["spec"]["api_key"].startswith("sealed:")
    assert "There is no 'a' among the channels" in said(capsys, "channels", "show", "a", code=2)
    assert "'laptop'" in said(capsys, "projects", "rename", "web", "site", code=2)
    assert said(capsys, "projects", "rename", "web", "site", "--force") == "web is called site now.\n"
