"""Which comment is ours and what to do with it; what a refusal means; the local file."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from assay.errors import ForgeError
from assay.forge import Forge, Posted
from assay.forge.comment import (
    MAX_BODY,
    Comment,
    Create,
    Keep,
    Shown,
    Update,
    decide,
    encodable,
    has_marker,
    marked,
    marker,
    room,
    shown,
    with_marker,
)
from assay.forge.local import LocalForge
from assay.forge.refusal import LookAgainError, Refusal, explain, seconds_to_wait

if TYPE_CHECKING:
    from pathlib import Path

BOT = "github-actions[bot]"
MARKER = marker("bikes")
NOW = 1_800_000_000.0


def comment(number: int, body: str, author: str = BOT) -> Comment:
    return Comment(id=number, author=author, body=body, url=f"https://example.test/{number}")


def report(text: str = "# Better") -> str:
    return with_marker(text, MARKER)


class TestMarker:
    def test_is_a_hidden_comment_with_the_key(self) -> None:
        assert marker("bikes") == "<!-- assay:report key=bikes -->"

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "-->",
            "--><script>alert(1)</script>",
            "--!>",
            "a--b---c----",
            "-",
            "two\nlines\r\n",
            "\u2028 \u0085",
            "models/päak hour",
            "100%",
            "\udc80",
            "🚲",
        ],
    )
    def test_key_cannot_leave_the_comment_or_the_line(self, key: str) -> None:
        text = marker(key)
        inside = text.removeprefix("<!-- ").removesuffix(" -->")
        assert len(text.splitlines()) == 1
        assert text.isascii()
        assert "--" not in inside
        assert not set(inside) & set("<>")
        assert has_marker(with_marker("body", text), text)

    def test_different_keys_give_different_markers(self) -> None:
        keys = ["a", "A", "a ", "a b", "a%20b", "a--b", "a-%2Db", "a-b", "", "-", "--"]
        assert len({marker(key) for key in keys}) == len(keys)


class TestWithMarker:
    def test_puts_it_on_the_first_line(self) -> None:
        assert with_marker("# Title", MARKER) == f"{MARKER}\n# Title"

    def test_twice_is_as_once(self) -> None:
        assert with_marker(report(), MARKER) == report()

    def test_room_is_what_is_left_for_the_body(self) -> None:
        assert len(with_marker("x" * room(MARKER), MARKER)) == MAX_BODY

    def test_marker_below_the_first_line_does_not_count(self) -> None:
        """A hostile repository can write anything further down."""
        assert not has_marker(f"{marker('other')}\n{MARKER}\n", MARKER)
        assert not has_marker(f"> {MARKER}\n> quoted", MARKER)

    def test_windows_line_ends_do_not_hide_it(self) -> None:
        assert has_marker(report().replace("\n", "\r\n"), MARKER)


class TestDecide:
    def test_no_comment_creates(self) -> None:
        assert decide([], author=BOT, body=report()) == Create(report())

    def test_own_comment_is_updated(self) -> None:
        old = comment(7, report("# Worse"))
        assert decide([old], author=BOT, body=report()) == Update(old, report())

    def test_same_text_is_kept(self) -> None:
        old = comment(7, report().replace("\n", "\r\n") + "\r\n")
        assert decide([old], author=BOT, body=report()) == Keep(old)

    def test_the_oldest_of_several_is_updated(self) -> None:
        old = [comment(9, report("c")), comment(3, report("a")), comment(5, report("b"))]
        assert decide(old, author=BOT, body=report()) == Update(old[1], report())

    def test_a_person_who_copied_the_marker_is_left_alone(self) -> None:
        copied = comment(3, report("mine now"), author="mallory")
        assert decide([copied], author=BOT, body=report()) == Create(report())

    def test_logins_know_no_case(self) -> None:
        old = comment(3, report("a"), author="OctoCat")
        assert decide([old], author="octocat", body=report()) == Update(old, report())

    def test_marked_looks_at_the_first_line_only(self) -> None:
        ours, other = comment(1, report()), comment(2, with_marker("x", marker("other")))
        assert marked([ours, other, comment(3, ""), comment(4, f"x\n{MARKER}")], MARKER) == [ours]


def test_encodable_spells_out_lone_surrogates() -> None:
    assert encodable("caf\udce9 🚲") == r"caf\udce9 🚲"


class TestSecondsToWait:
    @pytest.mark.parametrize(
        ("status", "headers", "seconds"),
        [
            (429, {"retry-after": "0"}, 0),
            (403, {"retry-after": "7"}, 7),
            (429, {"retry-after": formatdate(NOW + 30)}, 30),
            (429, {"retry-after": formatdate(NOW - 30)}, 0),
            (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 20)}, 21),
            (429, {"x-ratelimit-remaining": "9", "x-ratelimit-reset": str(int(NOW) + 20)}, 60),
            (429, {"retry-after": "soon"}, 60),
        ],
    )
    def test_a_rate_limit_waits_as_long_as_asked(
        self, status: int, headers: dict[str, str], seconds: float
    ) -> None:
        refusal = Refusal(status, "slow down", headers)
        assert seconds_to_wait(refusal, attempt=0, now=NOW) == seconds

    def test_a_secondary_limit_without_a_time_waits_minutes_that_grow(self) -> None:
        refusal = Refusal(403, "You have exceeded a secondary rate limit.")
        waits = [seconds_to_wait(refusal, attempt=attempt, now=NOW) for attempt in range(3)]
        assert waits == [60, 120, 240]

    @pytest.mark.parametrize("status", [500, 502, 503, None])
    def test_a_failing_server_gets_growing_pauses(self, status: int | None) -> None:
        refusal = Refusal(status, "?")
        waits = [seconds_to_wait(refusal, attempt=attempt, now=NOW) for attempt in range(3)]
        assert waits == [1, 2, 4]

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
    def test_a_plain_no_is_not_asked_again(self, status: int) -> None:
        assert seconds_to_wait(Refusal(status, "no"), attempt=0, now=NOW) is None

    def test_what_lasts_is_not_asked_again(self) -> None:
        assert seconds_to_wait(Refusal(None, "bad", lasting=True), attempt=0, now=NOW) is None


class TestExplain:
    @pytest.mark.parametrize(
        ("status", "said", "message", "hint"),
        [
            (401, "Bad credentials", "expired, revoked or mistyped", "github-token:"),
            (403, "Resource not accessible by integration", "pull-requests: write", "fork"),
            (
                403,
                "Resource not accessible by personal access token",
                "pull-requests: write",
                "Pull requests: Read and write",
            ),
            (403, "Unable to create comment because issue is locked.", "is locked", "Unlock"),
            (403, "Resource protected by organization SAML enforcement.", "sign-on", "Authorize"),
            (403, "IP allow list", "(403: IP allow list)", "pull-requests: write"),
            (404, "Not Found", "not visible with this token", "may not read"),
            (410, "This issue was deleted", "does not exist", "number"),
            (422, "Validation Failed", "rejects", "defect"),
            (429, "Too many", "rate limit", "later"),
            (502, "Bad Gateway", "502: Bad Gateway", "githubstatus.com"),
            (418, "Teapot {subject}", "418: Teapot {subject}", "GITHUB_API_URL"),
        ],
    )
    def test_names_what_happened_and_what_to_do(
        self, status: int, said: str, message: str, hint: str
    ) -> None:
        error = explain(Refusal(status, said), verb="PATCH", subject="pull request #5")
        assert message in error.message
        assert hint in (error.hint or "")
        assert error.exit_code == 3

    @pytest.mark.parametrize(
        ("verb", "status"), [("POST", 502), ("POST", None), ("PATCH", 404), ("PATCH", 410)]
    )
    def test_what_may_have_happened_or_is_gone_is_looked_at_again(
        self, verb: str, status: int | None
    ) -> None:
        error = explain(Refusal(status, "?"), verb=verb, subject="it")  # type: ignore[arg-type]
        assert isinstance(error, LookAgainError)


class TestLocalForge:
    def test_writes_the_body_without_the_marker(self, tmp_path: Path) -> None:
        path = tmp_path / "new folder" / "report.md"
        forge: Forge = LocalForge(path)
        posted = forge.upsert_comment(pull_request=5, body="# Better ✓", marker=MARKER)
        assert posted == Posted(action="created", url=path.as_uri())
        assert path.read_bytes() == "# Better ✓\n".encode()
        assert [entry.name for entry in path.parent.iterdir()] == ["report.md"]

    def test_says_whether_something_changed(self, tmp_path: Path) -> None:
        forge = LocalForge(tmp_path / "report.md")
        actions = [
            forge.upsert_comment(pull_request=5, body=body, marker=MARKER).action
            for body in ("one", "one\n", "two")
        ]
        assert actions == ["created", "unchanged", "updated"]

    def test_a_name_that_is_no_text_is_spelled_out(self, tmp_path: Path) -> None:
        LocalForge(tmp_path / "r.md").upsert_comment(pull_request=1, body="\udce9", marker=MARKER)
        assert (tmp_path / "r.md").read_text(encoding="utf-8") == "\\udce9\n"

    def test_a_failed_write_keeps_the_old_report(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "report.md"
        forge = LocalForge(path)
        forge.upsert_comment(pull_request=5, body="old", marker=MARKER)

        def full(draft: Path, content: bytes) -> int:
            with draft.open("wb") as stream:
                stream.write(content[:1])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(ForgeError, match=r"report\.md: No space left on device") as caught:
            forge.upsert_comment(pull_request=5, body="new", marker=MARKER)
        assert caught.value.exit_code == 3
        assert path.read_text() == "old\n"
        assert [entry.name for entry in tmp_path.iterdir()] == ["report.md"]

    def test_a_folder_in_the_way_is_explained(self, tmp_path: Path) -> None:
        (tmp_path / "report.md").mkdir()
        with pytest.raises(ForgeError, match="cannot write the report") as caught:
            LocalForge(tmp_path / "report.md").upsert_comment(
                pull_request=5, body="new", marker=MARKER
            )
        assert caught.value.hint


FIRST, SECOND = "1" * 40, "2" * 40
POSTED = datetime(2026, 11, 23, 8, tzinfo=UTC)


class TestShown:
    """The second line of our comment: which commits it has shown, and since when."""

    def after(self, decision: object, minutes: int) -> Comment:
        """Our comment as it stands once the forge has done what was decided."""
        assert isinstance(decision, (Create, Update))
        moment = POSTED + timedelta(minutes=minutes)
        return replace(comment(1, decision.body), created=POSTED, updated=moment)

    def say(self, text: str, sha: str, *candidates: Comment) -> object:
        return decide(candidates, author=BOT, body=report(text), sha=sha)

    def test_a_first_report_leaves_the_time_to_the_forge(self) -> None:
        decision = self.say("# Better", FIRST)
        assert decision == Create(f"{MARKER}\n<!-- assay:shown {FIRST}@ -->\n# Better")
        assert shown(self.after(decision, 0)) == (Shown(FIRST, POSTED),)

    def test_the_time_stays_when_the_text_changes(self) -> None:
        first = self.after(self.say("# Better", FIRST), 0)
        second = self.after(self.say("# Worse", FIRST, first), 10)
        third = self.after(self.say("# Equal", FIRST, second), 20)
        assert shown(second) == shown(third) == (Shown(FIRST, POSTED),)
        assert third.body.endswith("-->\n# Equal")

    def test_another_commit_gets_a_time_of_its_own(self) -> None:
        first = self.after(self.say("# Better", FIRST), 0)
        decision = self.say("# Better", SECOND, first)
        assert isinstance(decision, Update), "the same text about another commit is news"
        second = self.after(decision, 10)
        later = POSTED + timedelta(minutes=10)
        assert shown(second) == (Shown(FIRST, POSTED), Shown(SECOND, later))

    def test_the_same_of_the_same_is_kept(self) -> None:
        first = self.after(self.say("# Better", FIRST), 0)
        assert self.say("# Better", FIRST, first) == Keep(first)
        crlf = replace(first, body=first.body.replace("\n", "\r\n"))
        assert self.say("# Better", FIRST, crlf) == Keep(crlf)
        assert decide([first], author=BOT, body=report("# Better")) == Keep(first)

    def test_a_comment_of_an_older_version_has_shown_nothing(self) -> None:
        old = replace(comment(1, report("# Better")), updated=POSTED)
        assert shown(old) == ()
        assert isinstance(self.say("# Better", FIRST, old), Update)

    @pytest.mark.parametrize(
        "line",
        [
            f"<!-- assay:shown {FIRST}@yesterday -->",
            f"<!-- assay:shown {FIRST}@2026-11-23T08:00:00 -->",
            f"<!-- assay:shown {FIRST[:39]}@2026-11-23T08:00:00Z -->",
            "<!-- assay:shown -->",
            "<!-- assay:shown  -->",
            f"assay:shown {FIRST}@2026-11-23T08:00:00Z",
        ],
    )
    def test_a_line_that_somebody_changed_never_says_when(self, line: str) -> None:
        edited = comment(1, f"{MARKER}\n{line}\n# Better")
        assert [entry.since for entry in shown(edited)] in ([], [None])

    def test_only_the_second_line_counts(self) -> None:
        line = f"<!-- assay:shown {FIRST}@2026-11-23T08:00:00Z -->"
        assert shown(comment(1, f"{MARKER}\n# Better\n{line}")) == ()
        assert shown(comment(1, f"{line}\n{MARKER}")) == ()

    def test_somebody_else_s_marker_is_not_ours(self) -> None:
        forged = self.after(self.say("# Better", FIRST), 0)
        theirs = replace(forged, author="mallory")
        assert isinstance(self.say("# Better", FIRST, theirs), Create)


def test_importing_the_forge_imports_no_client() -> None:
    """Every command pays for what is imported at the start, the few that post pay for PyGithub."""
    heavy = "{'github', 'requests', 'pydantic'}"
    code = f"import assay.forge, assay.forge.github, sys; print({heavy} & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "set()", result.stderr
