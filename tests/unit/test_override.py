"""Whose word that a gate may be passed over counts, for which commit, and why others' do not."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from assay.forge.comment import Shown
from assay.forge.thread import Voice
from assay.gates import Gate
from assay.override import Command, Override, accepted, bare, commands, judge, request, speakers
from assay.section import Reason, Status
from assay.stages.test import TestSection
from assay.verdict import decide
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import records

bounded = settings(max_examples=150, deadline=None, derandomize=True)

HEAD, OLD = "4f1c0de" + "a" * 33, "0b5e55e" + "b" * 33
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
GATE = "metrics.f1.min"
SAID = f"/assay accept {GATE} because the new labels are stricter"
GATES = (f"{GATE}: 0.65", "metrics.roc_auc.max_regression: 0.01")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def voice(text: str = SAID, **given: Any) -> Voice:
    """A comment of Anna's, ten minutes after the result was shown."""
    facts = {"who": "anna", "person": True, "when": at(10), "url": "https://example.test/1"}
    return Voice(**{**facts, "text": text, **given})


def said(text: str) -> list[Command]:
    return list(commands(voice(text)))


def one(*voices: Voice, **given: Any) -> Override:
    """The only word, judged; the result of HEAD is shown since START."""
    (found,) = judged(*voices, **given)
    return found


def judged(*voices: Voice, **given: Any) -> tuple[Override, ...]:
    facts: dict[str, Any] = {
        "permitted": {"anna"},
        "author": "octocat",
        "head": HEAD,
        "shown": (Shown(HEAD, START),),
        "gates": GATES,
    }
    return judge(voices or (voice(),), **{**facts, **given})


class TestCommand:
    @pytest.mark.parametrize(
        "text",
        [
            SAID,
            f"  \n\n{SAID}",
            f"Looks fine to me.\r\n\r\n{SAID}\r\nsome more",
            f"> /assay accept {GATE} because somebody else said so\n\n{SAID}",
            f"```\n/assay accept {GATE} because it is code\n```\n\n{SAID}",
            f"<!-- hidden\n\n/assay accept x because of nothing -->\n\n{SAID}",
            f"<!-- hidden -->\n\n{SAID}",
            "/ASSAY  Accept \t `metrics.f1.min`  BECAUSE  the new labels are stricter  ",
            "/assay accept metrics.f1.min because: the new labels are stricter",
        ],
    )
    def test_is_a_line_of_its_own(self, text: str) -> None:
        assert said(text) == [Command(GATE, "the new labels are stricter")]

    def test_may_name_the_commit(self) -> None:
        text = f"/assay accept {GATE} for 4F1C0DE because the new labels are stricter"
        assert said(text) == [Command(GATE, "the new labels are stricter", "4f1c0de")]

    def test_several_follow_each_other(self) -> None:
        other = "/assay accept metrics.mcc.min for now because it was never met anyway"
        assert [found.gate for found in said(f"{SAID}\n{other}\n\n{SAID}")] == [
            GATE,
            "metrics.mcc.min for now",
            GATE,
        ]

    def test_of_a_slice_has_spaces(self) -> None:
        text = f"/assay accept metrics.f1.slices.min on season = winter, sex = f because {SAID}"
        assert [found.gate for found in said(text)] == [
            "metrics.f1.slices.min on season = winter, sex = f"
        ]

    @pytest.mark.parametrize(
        "text",
        [
            f"> {SAID}",
            f"   > {SAID}",
            f"> quoted\n{SAID}",  # Markdown takes this line into the quote
            f"> quoted\nand on\n{SAID}",
            f"```\n{SAID}\n```",
            f"```\n\n{SAID}\n\n",  # never closed
            f"~~~ text\n```\n\n{SAID}\n~~~",
            f"````\n```\n\n{SAID}\n````",
            f"    {SAID}",
            f"\t{SAID}",
            f" {SAID}",
            f"- {SAID}",
            f"`{SAID}`",
            f"<!--\n\n{SAID}\n\n-->",
            f"text <!-- hidden\n\n{SAID}\n",
            f"<pre>\n\n{SAID}\n\n</pre>",
            f"<BLOCKQUOTE>\n\n{SAID}\n\n</BLOCKQUOTE>",
            f"<code>\n\n{SAID}\n\n</code>",
            f"\u200b{SAID}",
            f"a\u2028{SAID}",
            f"a\x0b{SAID}",
            SAID.replace("/assay", "/assays"),
            SAID.replace("/assay", "assay"),
            SAID.replace("/assay", "/a\u017f\u017fay"),
        ],
    )
    def test_is_not_what_is_quoted_hidden_or_code(self, text: str) -> None:
        assert said(text) == []

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (f"Well,\n{SAID}", "it needs an empty line before it"),
            (f"- a list\n{SAID}", "it needs an empty line before it"),
            ("/assay", "not of the form"),
            ("/assay reject metrics.f1.min because it is bad", "not of the form"),
            ("/assay accept metrics.f1.min", "not of the form"),
            ("/assay accept because the new labels are stricter", "not of the form"),
            ("/assay accept metrics.f1.min becauseofsomething", "not of the form"),
            ("/assay accept metrics.f1.min because", "not of the form"),
            ("/assay accept metrics.f1.min because ok", "fewer than 10 letters"),
            ("/assay accept metrics.f1.min because - - - - - - - - -", "fewer than 10 letters"),
            ("/assay accept all because the labels are stricter", "one by one"),
            ("/assay accept * because the labels are stricter", "one by one"),
        ],
    )
    def test_that_cannot_be_obeyed_says_why(self, text: str, problem: str) -> None:
        (found,) = said(text)
        assert problem in found.problem
        assert problem in one(voice(text)).refused

    @bounded
    @given(st.text(), st.sampled_from(["> ", "    ", "\t", "- > ", "`", "x", "/ ", "\u00a0"]))
    @example("", "> ")
    def test_no_text_gets_out_of_its_place(self, text: str, before: str) -> None:
        lines = f"{text}\n{SAID}".replace("\r", "\n").split("\n")
        quoted = "\n".join(f"{before}{line}" for line in lines)
        assert said(quoted) == []

    @bounded
    @given(st.text(alphabet=st.characters(exclude_characters="\r\n")))
    def test_a_reason_is_nothing_but_a_reason(self, text: str) -> None:
        for found in said(f"/assay accept {GATE} because {text}"):
            assert found.gate == GATE or found.problem
            assert not found.sha
            assert "\n" not in found.why

    @bounded
    @given(st.text(alphabet="/assay accept gateforbecause0123 `~<>!-\n\r\t", max_size=300))
    def test_whatever_is_obeyed_stands_at_the_start_of_a_line(self, text: str) -> None:
        lines = text.replace("\r", "\n").split("\n")
        obeyed = [found for found in said(text) if not found.problem]
        assert len(obeyed) <= sum(line.lower().startswith("/assay") for line in lines)

    @pytest.mark.parametrize(
        "text",
        [
            f"/assay accept {' ' * 60_000}x",
            f"/assay accept {' for ' * 12_000}",
            f"/assay accept {'a for 0000000 ' * 5_000}",
            "<!--" * 16_000,
            "<pre></pre>" * 6_000,
            "/assay\n" * 9_000,
        ],
    )
    def test_a_hostile_one_takes_no_time(self, text: str) -> None:
        start = time.process_time()
        said(text)
        assert time.process_time() - start < 0.5

    def test_a_long_one_is_cut(self) -> None:
        (found,) = said(f"/assay accept {'g' * 900} because {'why ' * 900}")
        assert (len(found.gate), len(found.why)) == (200, 1_000)


class TestLabel:
    @pytest.mark.parametrize("name", [f"assay: accept {GATE}", f"Assay:Accept  {GATE} "])
    def test_names_the_gate_and_gives_no_reason(self, name: str) -> None:
        label = voice(name, how="label")
        assert list(commands(label)) == [Command(GATE)]
        found = one(label)
        assert (found.refused, found.how, found.why, found.sha) == ("", "label", "", HEAD)

    @pytest.mark.parametrize("name", ["assay", "accept x", "assay: reject x", SAID])
    def test_another_says_nothing(self, name: str) -> None:
        assert list(commands(voice(name, how="label"))) == []


class TestWhose:
    def test_word_of_who_may_write_counts(self) -> None:
        found = one()
        assert found == Override(
            gate=f"{GATE}: 0.65",
            who="anna",
            when=at(10),
            why="the new labels are stricter",
            sha=HEAD,
            how="comment",
            url="https://example.test/1",
        )

    @pytest.mark.parametrize("how", ["comment", "label"])
    def test_word_of_others_does_not(self, how: str) -> None:
        text = SAID if how == "comment" else f"assay: accept {GATE}"
        found = one(voice(text, who="mallory", how=how))
        assert found.refused == "that needs write permission on the repository"

    def test_strangers_get_one_line(self) -> None:
        found = judged(voice("/assay x\n" * 50, who="mallory"), voice("/assay y\n" * 3))
        assert [override.who for override in found] == ["mallory"] + 3 * ["anna"]

    @pytest.mark.parametrize("how", ["comment", "label"])
    def test_a_bot_answers_for_nothing(self, how: str) -> None:
        text = SAID if how == "comment" else f"assay: accept {GATE}"
        found = one(voice(text, who="labeler[bot]", person=False, how=how))
        assert found.refused == "only a person can accept a gate"

    def test_permission_is_asked_only_for_those_who_spoke(self) -> None:
        voices = [voice(), voice("hello", who="bob"), voice(who="x[bot]", person=False)]
        assert speakers(voices) == {"anna"}

    def test_an_edited_comment_does_not_count(self) -> None:
        assert one(voice(edited=True)).refused == "the comment was edited: a new one is needed"

    def test_the_author_is_shown_as_such(self) -> None:
        found = one(voice(who="Octocat"), permitted={"Octocat"})
        assert (found.by_author, found.refused) == (True, "")


class TestCommit:
    def test_what_was_said_before_it_was_shown_is_void(self) -> None:
        found = one(voice(when=at(-1)))
        assert found.refused == "it was given before the result for `4f1c0de` was shown"
        assert found.sha == ""

    def test_in_the_same_second_is_before(self) -> None:
        assert one(voice(when=START)).refused

    def test_a_new_commit_voids_it(self) -> None:
        found = one(shown=(Shown(OLD, START), Shown(HEAD, at(20))))
        assert (found.refused, found.sha) == ("it was given for `0b5e55e`", OLD)

    def test_until_the_new_one_is_shown_it_is_void_as_well(self) -> None:
        found = one(shown=(Shown(OLD, START),))
        assert (found.refused, found.sha) == ("it was given for `0b5e55e`", OLD)

    def test_the_old_commit_pushed_again_needs_a_new_word(self) -> None:
        shown = (Shown(HEAD, START), Shown(OLD, at(20)), Shown(HEAD, at(30)))
        assert one(shown=shown).refused == "it was given before the result for `4f1c0de` was shown"
        assert one(voice(when=at(31)), shown=shown).refused == ""

    def test_where_nothing_is_shown_it_has_to_be_named(self) -> None:
        assert f"add `for {HEAD}`" in one(shown=()).refused
        assert f"add `for {HEAD}`" in one(shown=(Shown(OLD, at(15)),)).refused
        assert one(voice(SAID.replace(" bec", f" for {HEAD} bec")), shown=()).refused == ""

    def test_a_part_of_its_name_is_not_enough(self) -> None:
        """Seven digits can be met by trying: a part narrows, and only the whole name binds."""
        named = voice(SAID.replace(" bec", " for 4f1c0de bec"))
        assert one(named).refused == ""
        assert one(named, shown=()).refused
        assert one(named, shown=(Shown(OLD, START), Shown(HEAD, at(20)))).refused

    def test_another_that_is_named_wins_over_the_clock(self) -> None:
        found = one(voice(SAID.replace(" bec", f" for {OLD} bec")))
        assert (found.refused, found.sha) == ("it was given for `0b5e55e`", OLD)

    @bounded
    @given(
        st.lists(st.tuples(st.sampled_from([HEAD, OLD]), st.integers(0, 30)), max_size=6),
        st.integers(0, 30),
    )
    def test_nothing_counts_but_what_followed_the_last_showing(
        self, history: list[tuple[str, int]], minute: int
    ) -> None:
        shown = [Shown(sha, at(when)) for sha, when in sorted(history, key=lambda one: one[1])]
        counts = not one(voice(when=at(minute)), shown=shown).refused
        last = shown[-1] if shown else None
        assert counts == (last is not None and last.sha == HEAD and last.since < at(minute))


class TestGate:
    def test_is_found_with_its_limit_or_without(self) -> None:
        assert one(voice(SAID.replace(GATE, f"`{GATE}: 0.65`"))).gate == f"{GATE}: 0.65"
        assert one().gate == f"{GATE}: 0.65"

    @pytest.mark.parametrize("name", ["metrics.f1.mn", "f1.min", "metrics.f1.min: 0.7"])
    def test_unknown_names_what_is_close(self, name: str) -> None:
        found = one(voice(SAID.replace(GATE, name)))
        assert found.gate == name
        assert "did you mean `metrics.f1.min`" in found.refused

    def test_unknown_and_like_nothing(self) -> None:
        assert one(voice(SAID.replace(GATE, "qqq"))).refused == "no such gate failed"

    def test_two_that_differ_only_in_a_limit_need_it(self) -> None:
        """A slice's name is the user's text, and may look like a limit."""
        gates = ("metrics.f1.min on a: 3", "metrics.f1.min on a: 4")
        name = "metrics.f1.min on a"
        assert one(voice(SAID.replace(GATE, name)), gates=gates).refused
        assert one(voice(SAID.replace(GATE, gates[0])), gates=gates).gate == gates[0]

    def test_any_name_will_do_where_gates_are_not_known(self) -> None:
        assert one(voice(SAID.replace(GATE, "qqq")), gates=None).refused == ""

    def test_of_one_model_is_not_that_of_another(self) -> None:
        """Several models have gates of the same name; each report has a key of its own."""
        named = SAID.replace(GATE, f"churn:{GATE}")
        assert one(voice(named), key="churn").refused == ""
        assert one(voice(named), key="churn").gate == f"{GATE}: 0.65"
        assert f"did you mean `churn:{GATE}`" in one(key="churn").refused
        assert one(voice(named)).refused
        assert one(voice(named), key="fraud").refused

    @pytest.mark.parametrize(
        ("name", "short"),
        [
            ("metrics.f1.min: 0.65", "metrics.f1.min"),
            ("metrics.f1.min: 1e-05", "metrics.f1.min"),
            ("metrics.f1.slices.min: 0.65 on season = 3", "metrics.f1.slices.min on season = 3"),
            ("metrics.f1.superior: true", "metrics.f1.superior"),
            ("metrics.f1", "metrics.f1"),
        ],
    )
    def test_bare(self, name: str, short: str) -> None:
        assert bare(name) == short


class TestAccepted:
    def test_only_what_counts_and_for_this_commit(self) -> None:
        counting = one()
        refused = counting.model_copy(update={"refused": "no", "gate": "a"})
        other = counting.model_copy(update={"sha": OLD, "gate": "b"})
        unknown = counting.model_copy(update={"sha": "", "gate": "c"})
        assert accepted([refused, other, unknown, counting], HEAD) == {GATES[0]: counting}
        assert accepted([unknown], None) == {}

    def test_the_first_of_several(self) -> None:
        found = judged(voice(), voice(who="bob", when=at(11)), permitted={"anna", "bob"})
        assert accepted(found, HEAD)[GATES[0]].who == "anna"


def test_the_environment_that_answers_needs_nothing_of_the_project_s() -> None:
    """Reports and answers are made where there is no numpy; a slow test would tell it late."""
    code = """if True:
        import sys
        for name in ("duckdb", "numpy", "pandas", "scipy", "sklearn"):
            sys.modules[name] = None  # importing it now fails
        import assay.acceptance, assay.publish, assay.record, assay.stages.report
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestRequest:
    @bounded
    @given(st.text() | st.sampled_from(["f1", "on x = y", "a because b", "a for 0000000", "all"]))
    @example("metrics.f1.slices.min: 0.65 on season = winter")
    def test_is_understood_as_it_is_meant(self, gate: str) -> None:
        line = request(gate, HEAD)
        if line is not None:
            text = line.replace("REASON", "the new labels are stricter")
            assert said(text) == [Command(bare(gate), "the new labels are stricter", HEAD)]

    def test_of_a_usual_gate_is_there(self) -> None:
        gate, name = "metrics.f1.slices.min: 0.65 on x = y", "metrics.f1.slices.min on x = y"
        end = "for 4f1c0de because REASON"
        assert request(gate, "4f1c0de") == f"/assay accept {name} {end}"
        assert request(gate, "4f1c0de", "churn") == f"/assay accept churn:{name} {end}"

    @pytest.mark.parametrize("gate", ["x because y", "`a`", "all"])
    def test_of_a_name_that_no_line_can_hold_is_not(self, gate: str) -> None:
        assert request(gate, HEAD) is None


class TestVerdict:
    """Two gates failed: `metrics.f1.min: 0.6` and `metrics.f1.max_regression: 0.01`."""

    def word(self, at: int, **given: Any) -> Override:
        compare = records.regression_of_a_metric().compare
        assert compare is not None
        facts = {"gate": compare.gates[at].name, "sha": records.HEAD, **given}
        return one().model_copy(update=facts)

    def decided(self, *words: Override, **given: Any) -> tuple[str, str, int]:
        record = records.regression_of_a_metric()
        verdict = decide(record.model_copy(update={"overrides": words, **given}))
        return verdict.outcome, verdict.decided_by, verdict.exit_code

    def test_every_gate_accepted_is_a_warning_that_names_who_and_why(self) -> None:
        record = records.accepted()
        verdict = decide(record)
        assert verdict.outcome == "warn"
        assert verdict.headline == (
            "f1 0.5812 is below min 0.6; accepted by @anna: the new labels are stricter, see #12 "
            "(1 more gate was accepted)."
        )
        assert verdict.decided_by == "metrics.f1.min: 0.6, accepted by @anna"
        assert verdict.exit_code == 0

    def test_a_gate_that_nobody_accepted_still_fails(self) -> None:
        assert self.decided(self.word(0)) == ("fail", "metrics.f1.max_regression: 0.01", 1)

    @pytest.mark.parametrize("void", [{"sha": OLD}, {"sha": ""}, {"refused": "no"}])
    def test_a_word_that_does_not_count_changes_nothing(self, void: dict[str, str]) -> None:
        words = self.word(0, **void), self.word(1)
        assert self.decided(*words) == ("fail", "metrics.f1.min: 0.6", 1)

    def test_one_that_could_not_tell_can_be_accepted(self) -> None:
        gate = Gate(metric="f1", rule="superior", result="inconclusive", message="Too few rows.")
        compare = records.regression_of_a_metric().compare
        assert compare is not None
        given = {"compare": compare.model_copy(update={"gates": (gate,)})}
        assert self.decided(**given)[0] == "inconclusive"
        word = self.word(0, gate=gate.name, why="")
        assert self.decided(word, **given)[0] == "warn"

    def test_what_is_no_gate_cannot(self) -> None:
        failed = TestSection(status=Status.FAIL, exit_code=1, reasons=(Reason(message="Red."),))
        words = self.word(0), self.word(1), self.word(0, gate="test")
        assert self.decided(*words, test=failed) == ("fail", "test", 1)
