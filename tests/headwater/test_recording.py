"""What is recorded of calls is made to be shown."""

from __future__ import annotations

import pytest

from headwater.recording import covered


@pytest.mark.parametrize(
    "text",
    [
        '{"access_token": "hunter2", "scope": "all"}',
        "grant_type=refresh&refresh_token=hunter2&client_secret=hunter2",
        '{"client_secret":"hunter2"}',
        "https://example.com/token?password=hunter2&x=1",
        '{"password": "to, be} or\\" hunter2", "x": 1}',
        "client_secret=a,b}hunter2&x=1",
    ],
)
def test_secrets_are_covered(text: str) -> None:
    shown = covered(text)
    assert "hunter2" not in shown and "***" in shown


def test_other_text_stays_as_it_is() -> None:
    assert covered('{"records": [{"LastName": "Token, the"}]}') == (
        '{"records": [{"LastName": "Token, the"}]}'
    )
