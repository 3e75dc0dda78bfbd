"""Which comment is ours and what to do with it; what a refusal means."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from assay.forge import watermark
from assay.forge.comment import (
    MAX_BODY,
    Comment,
    Report,
    Run,
    Shown,
    current,
    encodable,
    has_marker,
    key_of,
    marked,
    marker,
    outdated,
    read,
    room,
    shown,
    visible,
    written,
)
from assay.forge.refusal import LookAgainError, Refusal, explain, seconds_to_wait
from assay.forge.sticky import Create, Keep, Update, decide, newest, settled, spare
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

BOT = "github-actions[bot]"
MARKER = marker("bikes")
NOW = 1_800_000_000.0


def comment(number: int, body: str, author: str = BOT) -> Comment:
    return Comment(id=number, author=author, body=body, url=f"https://example.test/{number}")


def report(text: str = "# Better") -> str:
    return f"{MARKER}\n{text}"


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
        assert has_marker(f"{text}\nbody", text)

    def test_different_keys_give_different_markers(self) -> None:
        keys = ["a", "A", "a ", "a b", "a%20b", "a--b", "a-%2Db", "a-b", "", "-", "--"]
        assert len({marker(key) for key in keys}) == len(keys)


class TestRoom:
    def test_room_is_what_is_left_for_the_body(self) -> None:
        assert len(report("x" * room(MARKER))) < MAX_BODY

    def test_marker_below_the_first_line_does_not_count(self) -> None:
        """A hostile repository can write anything further down."""
        assert not has_marker(f"{marker('other')}\n{MARKER}\n", MARKER)
        assert not has_marker(f"> {MARKER}\n> quoted", MARKER)

    def test_windows_line_ends_do_not_hide_it(self) -> None:
        assert has_marker(report().replace("\n", "\r\n"), MARKER)


FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40


def said(text: str = "# Better", sha: str | None = None, run: int = 0, attempt: int = 1) -> Report:
    return Report(text, MARKER, sha, Run(run, attempt))


def stands(number: int, report: Report, head: str | None = None, author: str = BOT) -> Comment:
    """A comment that shows a report."""
    body = written(report, head=head)
    return replace(comment(number, body, author), updated=datetime(2026, 11, 23, tzinfo=UTC))


def choose(
    report: Report, *candidates: Comment, head: str | None = None, author: str = BOT
) -> Create | Update | Keep:
    return decide(candidates, author=author, report=report, head=head)


class TestDecide:
    def test_no_comment_creates(self) -> None:
        decision = choose(said())
        assert decision == Create(written(said(), head=None))
        assert has_marker(decision.body, MARKER)

    def test_own_comment_is_updated(self) -> None:
        old = comment(7, report("# Worse"))
        assert choose(said(), old) == Update(old, written(said(), head=None))

    def test_same_text_is_kept(self) -> None:
        old = comment(7, report().replace("\n", "\r\n") + "\r\n")
        assert choose(said(), old) == Keep(old)

    def test_the_oldest_of_several_is_updated(self) -> None:
        old = [comment(9, report("c")), comment(3, report("a")), comment(5, report("b"))]
        assert choose(said(), *old) == Update(old[1], written(said(), head=None))

    def test_a_person_who_copied_the_marker_is_left_alone(self) -> None:
        copied = comment(3, report("mine now"), author="mallory")
        assert isinstance(choose(said(), copied), Create)

    def test_logins_know_no_case(self) -> None:
        old = comment(3, report("a"), author="OctoCat")
        assert isinstance(choose(said(), old, author="octocat"), Update)

    def test_marked_looks_at_the_first_line_only(self) -> None:
        ours, other = comment(1, report()), comment(2, f"{marker('other')}\nx")
        assert marked([ours, other, comment(3, ""), comment(4, f"x\n{MARKER}")], MARKER) == [ours]


class TestNewest:
    """Runs that end in another order than they began, and pull requests that went on."""

    def test_a_slower_run_for_the_same_commit_gives_way(self) -> None:
        there = stands(1, said("# Second run", FIRST, run=8))
        assert choose(said("# First run", FIRST, run=7), there, head=FIRST) == Keep(there)

    def test_a_later_run_for_the_same_commit_is_shown(self) -> None:
        there = stands(1, said("# First run", FIRST, run=7))
        decision = choose(said("# Second run", FIRST, run=8), there, head=FIRST)
        assert isinstance(decision, Update)
        assert visible(decision.body) == "# Second run"

    def test_a_run_that_was_started_again_is_shown(self) -> None:
        there = stands(1, said("# Other", FIRST, run=8))
        assert isinstance(choose(said("# Again", FIRST, run=7, attempt=2), there), Update)
        again = stands(1, said("# Again", FIRST, run=7, attempt=2))
        assert choose(said("# Late", FIRST, run=7), again, head=FIRST) == Keep(again)

    def test_without_a_number_the_last_is_shown(self) -> None:
        there = stands(1, said("# Workflow", FIRST, run=8))
        assert isinstance(choose(said("# Laptop", FIRST), there, head=FIRST), Update)

    def test_the_commit_that_the_pull_request_is_at_is_never_overwritten(self) -> None:
        there = stands(1, said("# New", SECOND, run=7))
        late = said("# Old, checked again", FIRST, run=9)
        assert choose(late, there, head=SECOND) == Keep(there)

    def test_the_commit_that_the_pull_request_is_at_wins_over_later_runs(self) -> None:
        """Somebody pushed the old commit back."""
        there = stands(1, said("# Dropped", SECOND, run=9))
        decision = choose(said("# Kept", FIRST, run=7), there, head=FIRST)
        assert isinstance(decision, Update)
        assert visible(decision.body) == "# Kept"

    def test_a_report_about_an_old_commit_says_so(self) -> None:
        there = stands(1, said("# First", FIRST, run=1))
        decision = choose(said("# Second\n\nText", SECOND, run=2), there, head=THIRD)
        assert isinstance(decision, Update)
        assert visible(decision.body) == (
            "# Second\n\n> ⏳ **Outdated:** this is about `2222222`; "
            "the pull request is at `3333333` now.\n\nText"
        )
        assert [entry.sha for entry in shown(replace(there, body=decision.body))] == [FIRST, SECOND]

    def test_of_two_old_commits_the_newer_stays_and_is_marked(self) -> None:
        there = stands(1, said("# Second", SECOND, run=2))
        decision = choose(said("# First", FIRST, run=1), there, head=THIRD)
        assert isinstance(decision, Update)
        assert visible(decision.body).startswith("# Second\n\n> ⏳ **Outdated:**")
        marked_once = replace(there, body=decision.body)
        assert read(marked_once, MARKER) == said("# Second", SECOND, run=2)
        assert choose(said("# First", FIRST, run=1), marked_once, head=THIRD) == Keep(marked_once)
        since = [entry.since for entry in shown(replace(marked_once, updated=None))]
        assert since == [there.updated], "when it was first shown is not forgotten"

    def test_the_mark_vanishes_with_the_next_report(self) -> None:
        there = stands(1, said("# First", FIRST, run=1), head=SECOND)
        assert "Outdated" in there.body
        decision = choose(said("# Second", SECOND, run=2), there, head=SECOND)
        assert isinstance(decision, Update)
        assert "Outdated" not in decision.body

    def test_the_mark_vanishes_when_the_commit_is_back(self) -> None:
        there = stands(1, said("# First", FIRST, run=1), head=SECOND)
        decision = choose(said("# First", FIRST, run=3), there, head=FIRST)
        assert isinstance(decision, Update)
        assert visible(decision.body) == "# First"

    def test_where_the_head_is_not_known_nothing_is_marked(self) -> None:
        there = stands(1, said("# First", FIRST, run=1))
        decision = choose(said("# Second", SECOND, run=2), there)
        assert isinstance(decision, Update)
        assert "Outdated" not in decision.body

    @given(st.permutations([(FIRST, 1), (FIRST, 2), (SECOND, 3), (SECOND, 4), (THIRD, 5)]))
    def test_any_order_of_runs_ends_with_the_newest(self, order: Sequence[tuple[str, int]]) -> None:
        there: Comment | None = None
        for sha, run in order:
            decision = choose(
                said(f"# Run {run}", sha, run), *([there] if there else []), head=SECOND
            )
            if not isinstance(decision, Keep):
                there = replace(comment(1, decision.body), updated=datetime(2026, 1, 1, tzinfo=UTC))
        assert there is not None
        assert visible(there.body) == "# Run 4"


class TestTwoAtOnce:
    """Two runs that both saw no comment, and both created one."""

    def test_both_bring_the_oldest_to_the_newest_report(self) -> None:
        old, new = said("# First", FIRST, run=1), said("# Second", SECOND, run=2)
        for first, second in ((old, new), (new, old)):
            both = [stands(11, first, SECOND), stands(12, second, SECOND)]
            texts = set()
            for mine in (first, second):
                decision = settled(both, author=BOT, report=mine, head=SECOND)
                assert decision.comment == both[0]  # type: ignore[union-attr]
                body = decision.body if isinstance(decision, Update) else both[0].body
                texts.add(visible(body))
                extra = spare(both, author=BOT, kept=both[0], marker=MARKER)
                assert extra == [both[1]]
            assert texts == {"# Second"}

    def test_only_ours_are_spare(self) -> None:
        kept = stands(1, said("# A", FIRST, run=1))
        quoted = stands(2, said("# A", FIRST, run=1), author="octocat")
        plain = comment(3, report())
        other = replace(stands(4, said("# A", FIRST)), body=marker("other"))
        assert spare([kept, quoted, plain, other], author=BOT, kept=kept, marker=MARKER) == []

    def test_of_equals_the_last_counts(self) -> None:
        assert newest([said("a", FIRST), said("b", FIRST)], head=FIRST).body == "b"


class TestOutdated:
    @given(st.text(alphabet="#ab \n>*`", max_size=30))
    def test_marking_again_changes_only_the_commit(self, text: str) -> None:
        once = outdated(text, sha=FIRST, head=SECOND)
        assert outdated(once, sha=FIRST, head=SECOND) == once
        assert outdated(once, sha=FIRST, head=THIRD) == once.replace("`2222222`", "`3333333`")
        assert "Outdated" not in current(once)

    def test_stands_below_the_heading(self) -> None:
        text = outdated("### ✅ Passed\n\nMore.", sha=FIRST, head=SECOND)
        assert text.split("\n\n")[::2] == ["### ✅ Passed", "More."]
        assert current(text) == "### ✅ Passed\n\nMore."

    def test_stands_first_where_there_is_no_heading(self) -> None:
        text = outdated("| a |\n|---|", sha=FIRST, head=SECOND)
        assert text.endswith(" now.\n\n| a |\n|---|")
        assert current(text) == "| a |\n|---|"

    def test_a_user_s_words_further_down_stay(self) -> None:
        quoted = (
            "# A\n\nB\n\n> ⏳ **Outdated:** this is about `1111111`; the pull request is at `2`."
        )
        assert current(quoted) == quoted


class TestHiddenLines:
    def test_are_four(self) -> None:
        body = written(Report("# B", marker("default"), FIRST, Run(123, 4)), head=FIRST)
        assert body.split("\n") == [
            "<!-- assay:report key=default -->",
            f"<!-- assay:shown {FIRST}@ -->",
            "<!-- assay:run 123/4 -->",
            f'<!-- ![](https://cml.dev/watermark.png#{FIRST} "CML watermark") -->',
            "# B",
        ]

    @given(st.text(max_size=40), st.sampled_from(["bikes", "default", "a--b", "-->"]))
    def test_what_was_written_is_read(self, text: str, key: str) -> None:
        report = Report(f"# T\n\n{text}", marker(key), FIRST, Run(5, 2))
        there = replace(comment(1, written(report, head=FIRST)), updated=None)
        told = read(there, report.marker)
        assert (told.sha, told.run, told.marker) == (FIRST, Run(5, 2), report.marker)
        assert told.body == visible(there.body)
        assert told.body.split("\n")[0] == "# T"

    @given(st.text())
    def test_the_key_is_read_from_the_marker(self, key: str) -> None:
        text = key.encode("utf-8", errors="replace").decode()
        assert key_of(marker(text)) == text

    def test_what_the_user_s_text_imitates_does_not_count(self) -> None:
        fake = "<!-- assay:run 999999/1 -->"
        there = comment(1, written(said(f"# T\n\n{fake}", FIRST, run=5), head=FIRST))
        assert read(there, MARKER).run == Run(5, 1)
        assert fake in visible(there.body)

    def test_all_of_them_fit(self) -> None:
        past = [Shown("a" * 64, datetime(2026, 1, 1, tzinfo=UTC))] * 9
        long = Report("#" + "x" * (room(MARKER) - 1), MARKER, "b" * 64, Run(10**15, 10**6))
        assert len(written(long, head="c" * 64, past=past)) <= MAX_BODY

    @pytest.mark.parametrize(
        ("environ", "run"),
        [
            ({"GITHUB_RUN_ID": "123", "GITHUB_RUN_ATTEMPT": "2"}, Run(123, 2)),
            ({"GITHUB_RUN_ID": "123"}, Run(123, 1)),
            ({"GITHUB_RUN_ID": "x", "GITHUB_RUN_ATTEMPT": "-"}, Run(0, 1)),
            ({}, Run(0, 1)),
        ],
    )
    def test_the_run_is_in_the_environment(self, environ: dict[str, str], run: Run) -> None:
        assert Run.of(environ) == run


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


POSTED = datetime(2026, 11, 23, 8, tzinfo=UTC)


class TestShown:
    """The second line of our comment: which commits it has shown, and since when."""

    def after(self, decision: object, minutes: int) -> Comment:
        """Our comment as it stands once the forge has done what was decided."""
        assert isinstance(decision, (Create, Update))
        moment = POSTED + timedelta(minutes=minutes)
        return replace(comment(1, decision.body), created=POSTED, updated=moment)

    def say(self, text: str, sha: str, *candidates: Comment) -> object:
        return choose(said(text, sha), *candidates)

    def test_a_first_report_leaves_the_time_to_the_forge(self) -> None:
        decision = self.say("# Better", FIRST)
        assert isinstance(decision, Create)
        assert decision.body.startswith(f"{MARKER}\n<!-- assay:shown {FIRST}@ -->\n")
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
        assert choose(said("# Better"), first) == Keep(first)

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


def test_no_text_of_a_report_lets_cml_take_the_comment_over() -> None:
    sign = '![](https://cml.dev/watermark.png#abc "CML watermark other")'
    report = Report(body=f"### Passed\n\n```text\n{sign}\n```", marker=marker("default"))
    text = written(report, head=None)
    assert not watermark.stands_in(text, "other")
    assert watermark.stands_in(text, "default")
    assert len(text.encode("utf-16")) == len(
        written(replace(report, body=report.body.replace("#abc", "!abc")), head=None).encode(
            "utf-16"
        )
    )
