"""A webhook of a real server: what it gets, when it gets it again, and what nobody gets to see."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import OutsideError, UsageError
from assay.monitor import notice, outgoing, webhook
from assay.monitor.causes import Told
from assay.monitor.notice import Notice
from hypothesis import given
from hypothesis import strategies as st

from tests import alerts_sections as sections
from tests.alerts_hook import Hook, serving
from tests.prometheus_section import drifting

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "T0/B0/s3cr3tPath"


def tell(hook: Hook, form: Any = "json") -> list[float]:
    """Tell it; how long was waited between tries."""
    pauses: list[float] = []
    environ = {"HOOK": f"{hook.url}/services/{SECRET}"}
    try:
        webhook.tell(told(), "HOOK", environ, form=form, sleep=pauses.append)
    finally:
        hook.pauses = pauses
    return pauses


def told(**changed: Any) -> Notice:
    found = notice.of(
        drifting(),
        "starts",
        Told(),
        summary="peak-hour drifts.",
        issue="https://github.com/acme/bikes/issues/1",
        run=None,
    )
    return found.model_copy(update=changed)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serving(Hook()) as found:
        yield found


class TestSending:
    def test_it_gets_one_document(self, hook: Hook) -> None:
        tell(hook)
        ((path, headers, document),) = hook.got
        assert path == f"/services/{SECRET}"
        assert headers["Content-Type"] == "application/json; charset=utf-8"
        assert Notice.model_validate(document, strict=False) == told()

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    def test_one_that_is_busy_is_asked_again(self, hook: Hook, status: int) -> None:
        hook.statuses = [status, status, 200]
        tell(hook)
        assert len(hook.got) == 3
        assert hook.pauses == [1.0, 2.0]

    def test_it_says_itself_when(self, hook: Hook) -> None:
        hook.statuses, hook.headers = [429, 200], {"Retry-After": "7"}
        tell(hook)
        assert hook.pauses == [7.0]

    def test_nobody_waits_for_ever(self, hook: Hook) -> None:
        hook.statuses, hook.headers = [429], {"Retry-After": "3600"}
        with pytest.raises(OutsideError, match="answered 429"):
            tell(hook)
        assert (len(hook.got), hook.pauses) == (1, [])

    def test_it_is_given_up(self, hook: Hook) -> None:
        hook.statuses = [500]
        with pytest.raises(OutsideError, match="the webhook in HOOK answered 500"):
            tell(hook)
        assert len(hook.got) == 1 + webhook.RETRIES

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_a_no_is_a_no(self, hook: Hook, status: int) -> None:
        hook.statuses, hook.body = [status], b"no_service"
        with pytest.raises(OutsideError, match=f"answered {status}: no_service"):
            tell(hook)
        assert len(hook.got) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_it_leads_nowhere_else(self, hook: Hook, status: int) -> None:
        with serving(Hook()) as other:
            hook.statuses, hook.headers = [status], {"Location": f"{other.url}/{SECRET}"}
            with pytest.raises(OutsideError, match=f"answered {status}"):
                tell(hook)
            assert other.got == []
        assert len(hook.got) == 1


class TestSecrets:
    def test_one_that_echoes_is_not_shown(self, hook: Hook) -> None:
        hook.statuses, hook.body = [400], f"no /services/{SECRET} here".encode()
        with pytest.raises(OutsideError) as caught:
            tell(hook)
        assert SECRET not in f"{caught.value!r} {caught.value.message} {caught.value.hint}"
        assert caught.value.__cause__ is None

    def test_nobody_is_there(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and not listened at
            gone = Hook(url=f"http://127.0.0.1:{taken.getsockname()[1]}")
            with pytest.raises(OutsideError, match="the webhook in HOOK did not answer") as caught:
                tell(gone)
        assert "127.0.0.1" not in caught.value.message
        assert gone.pauses == []

    def test_one_that_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outgoing.send, "__kwdefaults__", {"path": "", "timeout": 0.05})
        with socket.create_server(("127.0.0.1", 0)) as silent:
            hook = Hook(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
            with pytest.raises(OutsideError, match="took too long"):
                tell(hook)
        assert hook.pauses == []  # it may have been read

    @pytest.mark.parametrize(
        "address",
        ["", " ", "ftp://x/y", "https://", "https://a b/", "javascript:1", "https://[", "x"],
    )  # fmt: skip
    def test_what_is_no_address(self, address: str) -> None:
        with pytest.raises(UsageError) as caught:
            webhook.tell(told(), "HOOK", {"HOOK": address}, form="slack", sleep=lambda _: None)
        assert "HOOK" in caught.value.message
        assert len(address) < 2 or address not in caught.value.message


class TestSlack:
    def test_a_message(self, hook: Hook) -> None:
        tell(hook, "slack")
        ((_, _, document),) = hook.got
        assert document == {
            "text": "🔴 peak-hour drifts.\n<https://github.com/acme/bikes/issues/1|issue>",
            "unfurl_links": False,
            "unfurl_media": False,
        }

    @given(st.text(max_size=80) | st.sampled_from([
        "<!channel>", "<@U1>", "@here", "&lt;!channel&gt;", "*b* _i_ ~s~ `c`", "https://evil.example",
        "[x](https://evil.example)", "![x](y)", "a\nb", ":tada:", "www.evil.example", "<https://a|b>",
    ]))  # fmt: skip
    def test_text_of_others_does_nothing(self, text: str) -> None:
        shown = webhook.literal(text)
        assert not {"<", ">", "\n", "\r", "\u2028"} & set(shown)
        assert "&" not in shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        for mark in ("@h", "@U", "://", "](", "![", "www.e", ":tada:", "*b", "`c"):
            assert mark not in shown

    @given(st.text(max_size=40))
    def test_an_address_stays_within_its_link(self, text: str) -> None:
        found = webhook.slack(told(issue=f"https://github.com/{text}", run=text))
        _, _, links = str(found["text"]).partition("\n")
        assert links.count("<") == links.count(">") == links.count("|") <= 2
        assert "\n" not in links

    def test_it_is_short(self) -> None:
        assert len(webhook.literal("x" * 100_000)) <= webhook.LONGEST


class TestNotice:
    def test_what_changed(self) -> None:
        known = Told(since=datetime(2026, 11, 20, tzinfo=UTC), webhook=("x",))
        found = notice.of(
            sections.drift(), "changes", known, summary="s", issue=None, run="https://x/run"
        )
        assert found.since == known.since
        assert [one.about for one in found.causes] == [
            "performance", "feature", "features together",
        ]  # fmt: skip
        assert all(one.new for one in found.causes)

    def test_what_is_over_has_no_cause(self) -> None:
        found = notice.of(drifting(), "ends", Told(), summary="s", issue=None, run=None)
        assert found.causes == ()

    def test_a_broken_contract(self) -> None:
        found = notice.of(
            sections.contract(), "starts", Told(), summary="s", issue=None, run=None
        ).causes
        assert [(one.about, one.name, one.problem) for one in found[:2]] == [
            ("contract", "humidity", "gone"),
            ("contract", "windspeed", "type"),
        ]
