"""What is wrong with a GigaChat channel is named with its remedy."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dragoman.canon.problem import Kind, problem
from dragoman.cli.findings import Finding
from dragoman.cli.reach import of_channels
from dragoman.net.transport import open_transport
from dragoman.providers.catalog import catalog
from dragoman.relay.probe import suggestion_for
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.shapes.secret import Secret
from tests.standin import StandIn
from tests.standin.rules import Rules

ROWS = catalog()
ROW = ROWS["gigachat"]
KEY = base64.b64encode(b"client:secret").decode()
CERTIFICATES = Path(__file__).parents[1] / "faults" / "certificates"


@pytest.fixture
def upstream() -> Iterator[StandIn]:
    rules = Rules(allow=frozenset({"json_schema"}))
    with StandIn(dialects=("gigachat",), models=("GigaChat-2-Max",), api_key=KEY, rules=rules) as standin:
        yield standin


def channel(url: str, *models: str, key: str = KEY, **options: str) -> Channel:
    """A channel at this address."""
    return Channel(
        name="giga",
        provider="gigachat",
        dialect="gigachat",
        base_url=f"{url}/api/v1",
        api_key=Secret(key),
        models=models,
        options={"auth_url": f"{url}/api/v2/oauth", **options},
    )


def found(*channels: Channel) -> list[Finding]:
    """What the doctor says of these channels."""

    async def scene() -> list[Finding]:
        async with open_transport({}) as transport:
            return await of_channels(Snapshot(channels=channels), ROWS, transport)

    return asyncio.run(scene())


def test_a_sound_channel_is_fine_and_its_functions_are_checked(upstream: StandIn) -> None:
    assert [finding.grade for finding in found(channel(upstream.url, "GigaChat-2-Max"))] == ["fine"]
    assert [seen.path for seen in upstream.side_requests][-1] == "/api/v1/functions/validate"
    assert len(upstream.office.issued) == 1


def test_what_the_vendor_s_check_has_against_functions_is_told(upstream: StandIn) -> None:
    upstream.rules = Rules()
    _, note = found(channel(upstream.url))
    assert note.grade == "note"
    assert "anyOf" in note.what


def test_a_model_that_is_not_in_the_plan_is_told_with_those_that_are(upstream: StandIn) -> None:
    warning = found(channel(upstream.url, "GigaChat-2-Ultra"))[1]
    assert "'GigaChat-2-Ultra', which the account's plan may not hold" in warning.what
    assert warning.remedy == "Did you mean 'GigaChat-2-Max'?"


def test_a_model_that_is_not_for_chat_is_told(upstream: StandIn) -> None:
    note = found(channel(upstream.url, "Embeddings"))[1]
    assert (note.grade, note.remedy) == ("note", "Known here: GigaChat-2-Max.")
    assert "'embedder'" in note.what


def test_a_scope_that_is_not_the_key_s_has_its_remedy(upstream: StandIn) -> None:
    (error,) = found(channel(upstream.url, scope="GIGACHAT_API_CORP"))
    assert error.grade == "error"
    assert "options.scope" in error.remedy


def test_a_wrong_key_has_its_remedy(upstream: StandIn) -> None:
    (error,) = found(channel(upstream.url, key=base64.b64encode(b"other:secret").decode()))
    assert error.grade == "error"
    assert "api_key" in error.remedy


def test_a_model_that_the_plan_lacks_has_its_remedy_when_it_is_tried() -> None:
    refused = problem(Kind.UPSTREAM_CREDENTIAL, "Permission denied", upstream_status=403)
    assert "plan" in suggestion_for(refused, ROW)
    assert "api_key" in suggestion_for(refused, ROWS["openai"])


def shown(certificate: str, **options: str) -> list[Finding]:
    """What the doctor says where a server shows this certificate."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def scene() -> list[Finding]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / certificate)
        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, open_transport({}) as transport:
            findings = await of_channels(Snapshot(channels=(channel(url, **options),)), ROWS, transport)
        await asyncio.sleep(0.05)  # lets the server's lines notice
        return findings

    return asyncio.run(scene())


def test_an_authority_that_is_not_trusted_is_named_with_the_option_that_adds_it() -> None:
    for finding in shown("unknown.pem"):
        assert finding.grade == "error"
        assert "is not accepted: self-signed certificate. It is signed by 'unknown'." in finding.what
        assert "options.ca_bundle" in finding.remedy
        assert "Russian Trusted Root CA" in finding.remedy


CHAINS = {
    "expired": ("expired.pem", "certificate has expired", "clock"),
    "of another address": ("wrong_name.pem", "mismatch", "Check the address."),
}


@pytest.mark.parametrize("case", CHAINS)
def test_a_certificate_that_is_trusted_but_wrong_has_another_remedy(case: str) -> None:
    certificate, words, remedy = CHAINS[case]
    findings = shown(certificate, ca_bundle=str(CERTIFICATES / "authority.pem"))
    assert findings
    assert all(words in finding.what and remedy in finding.remedy for finding in findings)


def test_a_bundle_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (error,) = shown("good.pem", ca_bundle=str(tmp_path / "none.pem"))
    assert "none.pem cannot be used" in error.what


def test_a_certificate_that_is_not_trusted_has_its_remedy_in_a_trial_too() -> None:
    assert "options.ca_bundle" in suggestion_for(problem(Kind.TLS, "Not accepted."), ROW)
    assert "options.ca_bundle" not in suggestion_for(problem(Kind.TLS, "Not accepted."), ROWS["openai"])
