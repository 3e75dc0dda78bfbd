"""Whether a version may be deployed, and which one is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from assay.config import Config
from assay.errors import ConfigError, UsageError
from assay.release import gto, semver
from assay.release.gto import Registry, Tag
from assay.release.tagname import parse
from assay.rollout import admission
from assay.rollout.admission import Facts, NotAdmittedError
from assay.rollout.targets.base import VersionId
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.packaging.bundles import SIGNATURE, manifest

if TYPE_CHECKING:
    from assay.packaging.manifest import Manifest

HERE = {"target": {"folder": "/srv/a"}}
COMMITS = {"v1.0.0": "a" * 40, "v1.1.0": "b" * 40, "v2.0.0": "c" * 40, "v1.2.0": "d" * 40}


def registry(*more: tuple[str, str]) -> Registry:
    """Four versions of churn, and what else is tagged: (tag, version on whose commit)."""
    tags = [*((f"churn@{version}", version) for version in COMMITS), *more]
    found = []
    for time, (tag, version) in enumerate(tags):
        name = parse(tag)
        assert name is not None
        found.append(Tag(tag, name, COMMITS[version], time))
    return gto.registry(found)


def facts(wanted: str = "v1.1.0", **changes: Any) -> Facts:
    tagged = changes.pop("registry", registry())
    artifact = tagged.artifact("churn")
    found = artifact.find(wanted)
    assert found is not None
    fields: dict[str, Any] = {
        "environment": "production",
        "after": None,
        "artifact": artifact,
        "wanted": found,
        "new": manifest(),
        "deployed": deployed("v1.0.0"),
        "old": manifest(),
    }
    return Facts(**{**fields, **changes})


def deployed(version: str, name: str = "churn") -> VersionId:
    return VersionId(name=name, version=version, digest="d" * 64)


def narrower() -> Manifest:
    """One that takes an input less: callers of the other cannot call it."""
    return manifest(signature=SIGNATURE.model_copy(update={"inputs": SIGNATURE.inputs[:-1]}))


class TestEnvironment:
    def test_it_is_the_one_of_the_name(self) -> None:
        known = Config.model_validate({"environments": {"staging": HERE}}).environments
        assert admission.environment(known, "staging") is known["staging"]

    def test_those_that_there_are_come_with_the_error(self) -> None:
        known = Config.model_validate(
            {"environments": {"staging": HERE, "live": HERE}}
        ).environments
        with pytest.raises(ConfigError, match="no environment `prod\\\\x1b`") as caught:
            admission.environment(known, "prod\x1b")
        assert caught.value.hint == "There: `staging`, `live`."

    def test_where_there_are_none_it_says_how_to_have_one(self) -> None:
        with pytest.raises(ConfigError, match="names no environments") as caught:
            admission.environment({}, "production")
        assert "environments: {production:" in str(caught.value.hint)


def meant(asked: str = "", ref: str = "", found: Registry | None = None) -> str:
    return admission.version(found or registry(), asked, stage="production", ref=ref)[1].version


class TestVersion:
    @pytest.mark.parametrize(
        ("asked", "ref", "version"),
        [
            ("churn@v1.0.0", "", "v1.0.0"),
            ("churn@v1.0.0", "refs/tags/churn@v2.0.0", "v1.0.0"),
            ("c" * 40, "refs/heads/main", "v2.0.0"),
            ("", "refs/tags/churn@v2.0.0", "v2.0.0"),
            ("", "refs/tags/churn#production", "v1.1.0"),
            ("", "refs/tags/churn#production#7", "v2.0.0"),
        ],
    )
    def test_a_person_says_it_or_the_tag_that_started_us(
        self, asked: str, ref: str, version: str
    ) -> None:
        more = [("churn#production", "v1.1.0"), ("churn#production#7", "v2.0.0")]
        assert meant(asked, ref, registry(*more)) == version

    @pytest.mark.parametrize(
        ("asked", "ref", "why", "hint"),
        [
            ("", "", "Nothing says which version", "bikes@v1.2.3"),
            ("", "refs/heads/churn@v1.0.0", "Nothing says which version", "bikes@v1.2.3"),
            ("churn", "", "`churn` is no version", "bikes@v1.2.3"),
            ("v1.0.0", "", "`v1.0.0` is no version", "bikes@v1.2.3"),
            ("e" * 40, "", "There is no version at commit eeeeeeeeeeee", "bikes@v1.2.3"),
            ("churn@v1.0", "", "is no version", "bikes@v1.2.3"),
            ("churn@v1.0.0!", "", "is no version", "bikes@v1.2.3"),
            ("churn@v1.0.0\n::x", "", r"`churn@v1.0.0\\n::x` is no version", "bikes@v1.2.3"),
            ("churn@v9.0.0", "", "churn v9.0.0 is not registered", "There: v2.0.0, v1.2.0, v1.1.0"),
            ("other@v1.0.0", "", "other v1.0.0 is not registered", "git fetch --tags"),
            ("", "refs/tags/churn#staging", "of the stage `staging`", "of its name"),
            ("", "refs/tags/churn#production", "is on no registered version", "gto assign churn"),
        ],
    )
    def test_what_is_no_version_is_refused(self, asked: str, ref: str, why: str, hint: str) -> None:
        with pytest.raises(UsageError, match=why) as caught:
            meant(asked, ref)
        assert hint in str(caught.value.hint)

    def test_a_commit_with_several_models_does_not_say_which(self) -> None:
        with pytest.raises(UsageError, match=r"There is churn@v1\.0\.0, other@v3\.0\.0 at commit"):
            meant("a" * 40, found=registry(("other@v3.0.0", "v1.0.0")))

    def test_one_that_was_taken_back_is_none(self) -> None:
        with pytest.raises(UsageError, match="was deregistered"):
            meant("churn@v1.1.0", found=registry(("churn@v1.1.0!", "v1.1.0")))

    @given(st.text(max_size=30))
    def test_no_text_is_more_than_an_error(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            meant(text)
        assert caught.value.message.isprintable()


class TestAdmit:
    def test_the_first_version_has_nothing_to_be_held_against(self) -> None:
        assert admission.admit(facts(deployed=None, old=None, new=narrower())) == ()

    def test_a_version_that_takes_the_same_is_let_in(self) -> None:
        assert admission.admit(facts()) == ()

    def test_another_signature_needs_a_major_version(self) -> None:
        with pytest.raises(NotAdmittedError, match=r"cannot call v1\.1\.0: Input .* is gone"):
            admission.admit(facts(new=narrower()))
        assert admission.admit(facts("v2.0.0", new=narrower())) == ()

    def test_going_down_is_no_way_around_it(self) -> None:
        with pytest.raises(NotAdmittedError, match="cannot call") as caught:
            admission.admit(facts("v1.0.0", new=narrower(), deployed=deployed("v2.0.0")))
        assert "assay rollback --env production" in str(caught.value.hint)

    @given(
        st.tuples(*[st.integers(0, 3)] * 3),
        st.tuples(*[st.integers(0, 3)] * 3),
    )
    def test_only_numbers_above_say_so(
        self, old: tuple[int, int, int], new: tuple[int, int, int]
    ) -> None:
        said = admission._says_so(semver.SemVer(*old), semver.SemVer(*new))
        assert said <= (old < new)
        assert said == (old[0] < new[0] or (old[0] == new[0] == 0 and old[1] < new[1]))

    def test_a_manifest_that_is_not_there_is_told(self) -> None:
        (note,) = admission.admit(facts(old=None))
        assert "is not known" in note

    def test_another_model_needs_another_place(self) -> None:
        with pytest.raises(NotAdmittedError, match=r"serves bikes@v1\.0\.0, .* another model"):
            admission.admit(facts(deployed=deployed("v1.0.0", "bikes")))

    @pytest.mark.parametrize(
        ("tags", "why"),
        [
            ([], "that stage holds no version of it"),
            ([("churn#staging", "v1.2.0")], r"that stage holds v1\.2\.0"),
            (
                [("churn#staging", "v1.1.0"), ("churn#staging#1", "v1.0.0")],
                r"that stage holds v1\.0\.0",
            ),
            ([("churn#staging", "v1.1.0"), ("churn#staging!#1", "v1.1.0")], "holds no version"),
        ],
    )
    def test_the_stage_before_must_hold_it(self, tags: list[tuple[str, str]], why: str) -> None:
        with pytest.raises(NotAdmittedError, match=why) as caught:
            admission.admit(facts(after="staging", registry=registry(*tags)))
        assert "assay deploy churn@v1.1.0 --to staging" in str(caught.value.hint)

    def test_a_version_in_the_stage_before_is_let_in(self) -> None:
        held = registry(("churn#staging", "v1.1.0"))
        assert admission.admit(facts(after="staging", registry=held)) == ()
