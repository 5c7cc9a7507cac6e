"""What Google's SDK makes of trouble at the door of Gemini: its own exceptions, never a finished answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types

from tests.faults.gateway import Served, channel
from tests.faults.vendor import Vendor
from tests.web.stage import ASKED


@pytest.fixture
def google(served: Served) -> Iterator[genai.Client]:
    """The SDK before the gateway."""
    with genai.Client(api_key="key", http_options=types.HttpOptions(base_url=served.url)) as client:
        yield client


@pytest.mark.parametrize("fault", ["F57", "F52.text", "F48.call", "F40.after"])
@pytest.mark.parametrize("wire", ["anthropic", "openai_chat"])
def test_an_answer_that_breaks_off_raises(served: Served, google: genai.Client, wire: str, fault: str) -> None:
    heard = ""
    with Vendor(paced=True) as vendor:
        served.stand(channel("first", wire, vendor.url))
        vendor.fault(fault, times=None)
        with pytest.raises(errors.APIError):  # noqa: PT012 - what comes before it is heard
            for chunk in google.models.generate_content_stream(model=ASKED, contents="Hi"):
                vendor.heard.set()
                heard += "".join(part.text or "" for part in chunk.parts or ())

    assert heard


@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [("F22", 429, errors.ClientError), ("F28.401", 424, errors.ClientError), ("F24", 503, errors.ServerError)],
)
def test_a_refusal_raises_with_the_status_of_this_wire(
    served: Served, google: genai.Client, fault: str, code: int, kind: type[errors.APIError]
) -> None:
    with Vendor() as vendor:
        served.stand(channel("first", "anthropic", vendor.url))
        vendor.fault(fault, times=None)
        with pytest.raises(kind) as caught:
            google.models.generate_content(model=ASKED, contents="Hi")

    assert caught.value.code == code
    assert caught.value.message
