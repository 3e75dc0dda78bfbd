"""`assay deploy` and `rollback`: real tags, signed bundles, GitHub, and a simulated place."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from assay import ci
from assay.errors import ForgeError, UsageError
from assay.packaging import archive
from assay.packaging.bundle import BundleError
from assay.packaging.signing import KeySigner
from assay.release import gto
from assay.report import pictures, rollout
from assay.rollout import placing
from assay.rollout.admission import NotAdmittedError
from assay.rollout.placing import Whose
from assay.rollout.targets.base import BusyError, VersionId
from assay.stages import deploy, rollback

from tests.builders import make_context, printed
from tests.fakes.github.objects import GitObject
from tests.fakes.github_api import Asset, GitHubApi, Release, Repository, State, workflow_token
from tests.repos import Repo, with_origin
from tests.rollout_target import Behaviour, SimTarget, World
from tests.unit.packaging import bundles, vouched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.context import Context
    from assay.packaging.bundle import Bundle
    from assay.report.rollout import Told
    from assay.rollout.outcome import Outcome

REPO = "acme/bikes"
NAME = "peak-hour"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
RIGHTS = dict.fromkeys(["contents", "deployments", "issues"], "write")
BY_US = Whose()
CONFIG = """\
environments:
  staging: {target: {folder: /srv/a}, steps: [100], interval: 1, bake: 2, key: keys/assay.pub}
  production:
    after: staging
    url: https://bikes.example/
    target: {folder: /srv/b}
    steps: [5, 100]
    interval: 5
    bake: 10
    key: keys/assay.pub
"""


@dataclass
class Site:
    """A repository with versions, GitHub with their releases, and two places to deploy to."""

    github: GitHubApi
    repo: Repo
    scratch: Path
    worlds: dict[str, World]
    token: bool = True
    ref: str = "refs/heads/main"
    contexts: list[Context] = None  # type: ignore[assignment]
    pictures: bool = False
    """Whether they are drawn, which takes longer than all else."""
    target: Any = None
    """What the next verb is given in place of a plain target: arguments of `SimTarget`."""

    @property
    def held(self) -> Repository:
        return self.github.state.repositories[REPO]

    def release(self, version: str, *, key: Any = vouched.KEY, **manifest: Any) -> Bundle:
        """A commit with a tag, and its bundle as a release."""
        commit = self.repo.commit({"model": version})
        self.repo("tag", "-a", "-m", "x", f"{NAME}@{version}")
        self.repo("push", "--quiet", "--tags", "origin", "main")
        source = bundles.manifest().source.model_copy(update={"commit": commit})
        made = vouched.signed(
            self.scratch / version, KeySigner(key), source=source, name=NAME, **manifest
        )
        self.mirror()
        packed = archive.pack(made, self.scratch / f"{version}.tar.zst")
        files = {"peak-hour.tar.zst": packed, "manifest.json": made.folder / "manifest.json"}
        self.held.releases.append(self._release(f"{NAME}@{version}", commit, files))
        return made

    def _release(self, tag: str, commit: str, files: dict[str, Path]) -> Release:
        state = self.github.state
        assets = []
        for name, path in files.items():
            state.last_id += 1
            content = path.read_bytes()
            assets.append(
                Asset(state.last_id, name, content, "application/zip", None, "ann", state.now())
            )
        state.last_id += 1
        return Release(
            state.last_id, tag, "ann", state.now(), commit, draft=False, assets=assets,
            published_at=state.now(),
        )  # fmt: skip

    def mirror(self) -> None:
        """GitHub has the clone's commits and tags."""
        for line in self.repo("for-each-ref", "--format=%(refname) %(objectname)").splitlines():
            ref, sha = line.split()
            if ref.startswith("refs/tags/") or ref == "refs/heads/main":
                self.held.refs[ref] = sha
        listed = self.repo("rev-list", "--objects", "--no-object-names", "--all").split()
        for sha in {*listed, *self.held.refs.values()} - self.held.objects.keys():
            kind = self.repo("cat-file", "-t", sha)
            content = subprocess.run(
                ["git", "cat-file", kind, sha], cwd=self.repo.root, capture_output=True, check=True
            ).stdout
            self.held.objects[sha] = GitObject(kind, content)  # type: ignore[arg-type]

    def context(self) -> Context:
        given = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_RUN_ID": "77",
            "GITHUB_API_URL": self.github.url,
            "GITHUB_REF": self.ref,
            "GITHUB_ACTOR": "ann",
            "GITHUB_TOKEN": SECRET,
        }
        environ = {**self.repo.environ, **(given if self.token else {})}
        found = replace(
            make_context(self.repo.root, CONFIG, environ=environ), ci=ci.detect(environ)
        )
        self.contexts.append(found)
        return found

    @property
    def said(self) -> str:
        return printed(self.contexts[-1])

    def deploy(self, version: str, to: str, *, who: Whose = BY_US, **wish: Any) -> Told:
        asked = f"{NAME}@{version}" if version else ""
        clock = self.worlds[to].time.clock
        return deploy.run(self.context(), deploy.Wish(to, asked, **wish), who=who, clock=clock)

    def both(self, version: str) -> Told:
        """To staging, and then to production."""
        self.deploy(version, "staging")
        return self.deploy(version, "production")

    def rollback(self, *, to: str | None = None) -> Told:
        clock = self.worlds["production"].time.clock
        return rollback.run(self.context(), "production", to=to, clock=clock)

    def stages(self) -> dict[str, str]:
        """By the tags that GitHub has."""
        from assay.release.lookup import Lookup

        self.token = True
        forge, repository = placing_forge(self.context())
        with forge.api("x") as api:
            read = Lookup(api, repository, sleep=lambda _: None).registry(self.repo.git())
        return {stage: one.version for stage, one in read.artifact(NAME).stages.items()}

    def states(self, environment: str = "production") -> list[tuple[str, str, str]]:
        return [
            (one.task, one.ref.partition("@")[2], one.state)
            for one in self.held.deployments
            if one.environment == environment
        ]


def placing_forge(context: Context) -> Any:
    from assay.release import tagging

    return tagging.forge_of(context)


@pytest.fixture
def site(server: GitHubApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    repo = with_origin(tmp_path)
    (repo.root / "keys").mkdir()
    (repo.root / "keys" / "assay.pub").write_bytes(vouched.public_pem(vouched.KEY))
    server.state = State(
        tokens={SECRET: workflow_token(**RIGHTS)}, repositories={REPO: Repository(id=7)}
    )
    worlds = {"staging": World(), "production": World()}
    made = Site(server, repo, tmp_path, worlds, contexts=[])

    @contextlib.contextmanager
    def target(_: Context, name: str, *__: object) -> Iterator[SimTarget]:
        yield SimTarget(worlds[name], **(made.target or {}))

    draw = pictures.of_charts
    monkeypatch.setattr(placing, "target", target)
    monkeypatch.setattr(pictures, "of_charts", lambda all_: draw(all_) if made.pictures else ())
    return made


def bad(site: Site, version: VersionId, world: str = "production", **how: Any) -> None:
    site.worlds[world].behaviours[version.digest] = Behaviour(**how)


def id_of(version: str, made: Bundle) -> VersionId:
    return VersionId(name=NAME, version=version, digest=made.digest)


def outcome(told: Told) -> Outcome:
    return told.outcome


class TestDeploy:
    def test_a_version_goes_through_all_environments(self, site: Site) -> None:
        site.release("v1.0.0")
        told = site.both("v1.0.0")
        assert (told.outcome.ending, told.warnings) == ("promoted", ())
        site.release("v1.1.0")
        assert site.both("v1.1.0").outcome.ending == "promoted"
        assert site.stages() == {"staging": "v1.1.0", "production": "v1.1.0"}
        assert site.states() == [
            ("deploy", "v1.0.0", "inactive"),
            ("deploy", "v1.1.0", "success"),
        ]
        statuses = site.held.deployments[-1].statuses
        assert [one.state for one in statuses] == ["in_progress", "success"]
        assert statuses[-1].environment_url == "https://bikes.example/"
        assert statuses[-1].log_url == "https://github.com/acme/bikes/actions/runs/77"
        assert site.held.issues == {}
        assert site.worlds["production"].lost == 0
        before = site.states()
        again = site.deploy("v1.1.0", "production")
        assert (again.outcome.ending, again.outcome.exit_code) == ("nothing to do", 0)
        assert site.states() == before

    def test_a_bad_version_goes_back_and_everybody_is_told_why(self, site: Site) -> None:
        site.pictures = True
        site.release("v1.0.0")
        site.both("v1.0.0")
        made = site.release("v1.1.0")
        bad(site, id_of("v1.1.0", made), errors=0.2)
        told = site.both("v1.1.0")
        assert (told.outcome.ending, told.outcome.exit_code) == ("rolled back", 1)
        assert site.stages() == {"staging": "v1.1.0", "production": "v1.0.0"}
        assert site.states() == [("deploy", "v1.0.0", "success"), ("deploy", "v1.1.0", "failure")]
        (issue,) = site.held.issues.values()
        assert issue.title == (
            "peak-hour v1.1.0 was rolled back in production at 5 %: peak-hour v1.0.0 answers all "
            "requests."
        )
        assert "| failed requests |" in issue.body
        assert "❌ failed" in issue.body
        assert "errors-light.png" in issue.body
        shown = re.search(r"/acme/bikes/raw/([0-9a-f]{40})/errors-dark\.png", issue.body)
        assert shown is not None
        assert site.held.objects[shown[1]].kind == "commit"
        # Once more: that goes into the same issue.
        site.pictures = False
        site.deploy("v1.1.0", "production")
        assert list(site.held.issues) == [1]
        assert [comment.number for comment in site.held.comments] == [1]

    def test_no_answer_is_its_own_ending(self, site: Site) -> None:
        site.release("v1.0.0")
        site.both("v1.0.0")
        site.worlds["production"].rate = 0.0
        site.release("v1.1.0")
        told = site.both("v1.1.0")
        assert (told.outcome.ending, told.outcome.exit_code) == ("inconclusive", 5)
        assert site.states()[-1] == ("deploy", "v1.1.0", "failure")
        assert len(site.held.issues) == 1

    def test_a_stage_that_somebody_assigned_is_deployed_and_told_again_if_it_fails(
        self, site: Site
    ) -> None:
        site.release("v1.0.0")
        site.both("v1.0.0")
        made = site.release("v1.1.0")
        site.deploy("v1.1.0", "staging")
        bad(site, id_of("v1.1.0", made), starts=False)
        git = site.repo.git()
        site.repo("fetch", "--quiet", "--tags", "origin")
        name = gto.read(git).name(NAME, "assign", stage="production")
        gto.tag(git, name, commit=made.manifest.source.commit, message="x", after=2_000_000_000,
                now=0.0)  # fmt: skip
        site.mirror()
        assert site.stages()["production"] == "v1.1.0"
        site.ref = f"refs/tags/{name}"
        assert site.deploy("", "production").outcome.ending == "rolled back"
        assert site.stages()["production"] == "v1.0.0"

    def test_without_a_token_it_says_what_was_not_recorded(self, site: Site) -> None:
        made = site.release("v1.0.0")
        site.token = False
        told = site.deploy("v1.0.0", "staging", bundle=made.folder)
        assert told.outcome.ending == "promoted"
        (warning,) = told.warnings
        assert "GitHub shows nothing of this: there is no token" in warning
        assert "is not known here: there is no token" in site.said
        assert "tagged peak-hour#staging#1" in site.said
        assert "peak-hour#staging#1" in site.repo("ls-remote", "--tags", "origin")
        assert site.held.deployments == []

    def test_a_first_version_that_broke_off_leaves_the_stage_empty(self, site: Site) -> None:
        site.release("v1.0.0")
        site.target = {"unreachable": lambda _, name: name == "start"}
        told = site.deploy("v1.0.0", "staging")
        assert (told.outcome.ending, told.outcome.asked, told.warnings) == ("error", True, ())
        assert "staging" not in site.stages()

    def test_who_is_in_a_stage_is_not_guessed(self, site: Site) -> None:
        site.release("v1.0.0")
        site.target = {"unreachable": lambda number, _: number >= 12}
        told = site.deploy("v1.0.0", "staging")
        assert (told.outcome.ending, told.outcome.asked) == ("error", False)
        (warning,) = told.warnings
        assert "Who is in `staging` now is not known, so no tag says it" in warning
        assert "staging" not in site.stages()

    def test_where_nothing_was_done_nothing_is_missing_at_github(self, site: Site) -> None:
        made = site.release("v1.0.0")
        site.token = False
        site.deploy("v1.0.0", "staging", bundle=made.folder)
        again = site.deploy("v1.0.0", "staging", bundle=made.folder)
        assert (again.outcome.ending, again.warnings) == ("nothing to do", ())
        assert "takes what v1.0.0 does" not in site.said

    def test_the_journal_is_told_as_it_happens(self, site: Site) -> None:
        site.release("v1.0.0")
        site.deploy("v1.0.0", "staging")
        assert "The bundle of peak-hour@v1.0.0 is brought to the target." in site.said
        assert SECRET not in site.said


class TestRefused:
    @pytest.mark.parametrize(
        ("version", "to", "why"),
        [
            ("v9.0.0", "staging", "is not registered"),
            ("v1.0.0", "nowhere", "no environment `nowhere`"),
            ("v1.0.0", "production", "is not in `staging`"),
        ],
    )
    def test_before_anything_is_touched(self, site: Site, version: str, to: str, why: str) -> None:
        site.release("v1.0.0")
        with pytest.raises(UsageError, match=why):
            deploy.run(site.context(), deploy.Wish(to, f"{NAME}@{version}"), who=Whose())
        untouched(site)

    @pytest.mark.parametrize("token", [True, False])
    def test_another_signature_without_a_major_version(self, site: Site, token: bool) -> None:
        """Without a token too: the target has the manifest of what it serves."""
        old = site.release("v1.0.0")
        site.token = token
        site.deploy("v1.0.0", "staging", bundle=old.folder)
        *others, season = bundles.SIGNATURE.inputs
        fewer = season.model_copy(update={"categories": (season.categories or ())[:1]})
        signature = bundles.SIGNATURE.model_copy(update={"inputs": (*others, fewer)})
        made = site.release("v1.1.0", signature=signature)
        touched = len(site.worlds["staging"].journal)
        with pytest.raises(
            NotAdmittedError, match=r"cannot call v1\.1\.0: Input `season` no longer"
        ) as caught:
            site.deploy("v1.1.0", "staging", bundle=made.folder)
        assert len(site.worlds["staging"].journal) == touched
        assert (caught.value.exit_code, "--version major" in str(caught.value.hint)) == (2, True)

    def test_a_manifest_that_nobody_has_is_told_of(self, site: Site) -> None:
        """As of a target that was emptied, or one of a newer Assay."""
        old = site.release("v1.0.0")
        site.token = False
        site.deploy("v1.0.0", "staging", bundle=old.folder)
        site.worlds["staging"].manifests.clear()
        made = site.release("v1.1.0")
        site.deploy("v1.1.0", "staging", bundle=made.folder)
        assert "takes what v1.0.0 does is not known here" in site.said

    def test_a_bundle_by_somebody_else(self, site: Site) -> None:
        site.release("v1.0.0", key=vouched.OTHER_KEY)
        with pytest.raises(BundleError, match="not accepted"):
            site.deploy("v1.0.0", "staging")
        untouched(site)

    def test_a_bundle_that_was_changed(self, site: Site) -> None:
        made = site.release("v1.0.0")
        (made.folder / "model.onnx").write_bytes(b"other")
        with pytest.raises(BundleError, match="is not what it says it is"):
            site.deploy("v1.0.0", "staging", bundle=made.folder)
        untouched(site)

    def test_a_bundle_that_was_not_released(self, site: Site) -> None:
        made = site.release("v1.0.0")
        other = vouched.signed(
            site.scratch / "other",
            KeySigner(vouched.KEY),
            source=made.manifest.source,
            name=NAME,
            license="MIT",
        )
        with pytest.raises(
            BundleError, match=r"not the one that was released as peak-hour v1\.0\.0"
        ):
            site.deploy("v1.0.0", "staging", bundle=other.folder)
        untouched(site)

    def test_a_tag_that_was_never_released(self, site: Site) -> None:
        made = site.release("v1.0.0")
        site.held.releases.clear()
        with pytest.raises(NotAdmittedError, match="was never released"):
            site.deploy("v1.0.0", "staging", bundle=made.folder)
        untouched(site)

    def test_when_nothing_says_who_must_have_signed(self, site: Site) -> None:
        site.release("v1.0.0")
        context = site.context()
        specs = context.config.environments
        open_ = specs["staging"].model_copy(update={"key": None})
        config = context.config.model_copy(update={"environments": {**specs, "staging": open_}})
        context = replace(context, config=config)
        with pytest.raises(UsageError, match="Nothing says whose signature counts"):
            deploy.run(context, deploy.Wish("staging", f"{NAME}@v1.0.0"), who=Whose())
        told = deploy.run(
            context,
            deploy.Wish("staging", f"{NAME}@v1.0.0"),
            who=Whose(unsigned=True),
            clock=site.worlds["staging"].time.clock,
        )
        assert told.outcome.ending == "promoted"
        assert "Nobody vouches for what is deployed" in printed(context)

    def test_while_somebody_else_is_at_it(self, site: Site) -> None:
        site.release("v1.0.0")
        world = site.worlds["staging"]
        world.owner, world.expires = "bob", world.time.seconds + 1000
        with pytest.raises(BusyError, match="bob"):
            site.deploy("v1.0.0", "staging")
        (made,) = site.held.deployments
        assert made.state == "error"
        assert "bob" in made.statuses[-1].description

    def test_where_github_does_not_answer(self, site: Site) -> None:
        site.release("v1.0.0")
        site.github.state.fail(401, f"Bad {SECRET}", times=100)
        with pytest.raises(ForgeError) as caught:
            site.deploy("v1.0.0", "staging")
        untouched(site)
        assert SECRET not in f"{caught.value.message}{caught.value.hint}"


def untouched(site: Site) -> None:
    assert all(world.journal == [] for world in site.worlds.values())
    assert site.held.deployments == []
    assert not [ref for ref in site.held.refs if "#" in ref]


def test_the_first_version_shows_how_to_ask_it(site: Site) -> None:
    site.release("v1.0.0")
    told = site.deploy("v1.0.0", "staging")
    assert told.first_call is not None
    program, address, flag, body = shlex.split(told.first_call)
    assert (program, address, flag) == ("curl", "127.0.0.1:8080/predict", "-d")
    assert isinstance(json.loads(body), dict)
    assert rollout.text(told).endswith(f"try it: {told.first_call}")
    site.release("v1.1.0")
    assert site.deploy("v1.1.0", "staging").first_call is None


def test_what_a_token_may_not_record_is_only_warned_of(site: Site) -> None:
    site.release("v1.0.0")
    site.both("v1.0.0")
    made = site.release("v1.1.0")
    site.deploy("v1.1.0", "staging")
    # Somebody else's deployment, of which the tags do not tell.
    world = site.worlds["production"]
    world.stable = id_of("v1.1.0", made)
    world.processes.clear()
    site.github.state.tokens[SECRET] = workflow_token(contents="read")
    told = site.rollback(to="v1.0.0")
    assert told.outcome.ending == "rolled back"
    told = site.deploy("v1.1.0", "production")
    assert told.outcome.ending == "promoted"
    assert [warning.partition(":")[0] for warning in told.warnings] == [
        "The deployment could not be recorded",
        "The stage could not be recorded",
    ]
    assert all("permissions: " in warning for warning in told.warnings)


class TestRollback:
    def test_by_hand_it_goes_back_and_is_told(self, site: Site) -> None:
        for version in ("v1.0.0", "v1.1.0"):
            site.release(version)
            site.both(version)
        told = site.rollback()
        assert (told.outcome.ending, told.outcome.exit_code) == ("rolled back", 0)
        assert site.stages() == {"staging": "v1.1.0", "production": "v1.0.0"}
        assert site.states() == [
            ("deploy", "v1.0.0", "inactive"),
            ("deploy", "v1.1.0", "inactive"),
            ("rollback", "v1.0.0", "success"),
        ]
        (issue,) = site.held.issues.values()
        assert issue.title == ("production was rolled back to peak-hour v1.0.0 instead of v1.1.0.")
        assert site.worlds["production"].lost == 0

    def test_it_does_not_wait_for_github(self, site: Site) -> None:
        for version in ("v1.0.0", "v1.1.0"):
            site.release(version)
            site.both(version)
        asked: list[int] = []
        world = site.worlds["production"]
        seen = len(site.github.state.requests)
        site.target = {
            "unreachable": lambda *_: asked.append(len(site.github.state.requests)) or False
        }
        site.github.state.fail(403, "No", times=100)
        told = site.rollback()
        assert set(asked) == {seen}, "GitHub is asked when all is done"
        assert told.outcome.ending == "rolled back"
        assert world.stable is not None
        assert world.stable.version == "v1.0.0"
        assert len(told.warnings) >= 3

    def test_it_takes_over_from_a_rollout(self, site: Site) -> None:
        site.release("v1.0.0")
        site.both("v1.0.0")
        made = site.release("v1.1.0")
        site.deploy("v1.1.0", "staging")
        world = site.worlds["production"]
        world.time.events.append((world.time.seconds + 3, site.rollback))
        told = site.deploy("v1.1.0", "production")
        assert told.outcome.ending == "error"
        assert "Somebody else took over" in told.outcome.reason
        assert site.stages()["production"] == "v1.0.0"
        assert made.digest not in world.processes
        assert site.states() == [
            ("deploy", "v1.0.0", "inactive"),
            ("deploy", "v1.1.0", "error"),
            ("rollback", "v1.0.0", "success"),
        ]
        assert [issue.title for issue in site.held.issues.values()] == [
            "production was rolled back to peak-hour v1.0.0.",
            "The rollout of peak-hour v1.1.0 to production broke off at 5 %.",
        ]

    def test_a_version_that_is_not_on_the_target(self, site: Site) -> None:
        site.release("v1.0.0")
        site.both("v1.0.0")
        with pytest.raises(UsageError, match=r"v7\.0\.0 is not on the target"):
            site.rollback(to="v7.0.0")

    def test_an_environment_that_is_none(self, site: Site) -> None:
        with pytest.raises(UsageError, match="no environment `x`"):
            rollback.run(site.context(), "x", to=None)


class TestResume:
    def test_what_was_killed_is_ended_and_told(self, site: Site) -> None:
        from tests.rollout_target import Killed

        site.release("v1.0.0")
        site.both("v1.0.0")
        site.release("v1.1.0")
        site.deploy("v1.1.0", "staging")
        site.target = {"kill_at": 25}
        with pytest.raises(Killed):
            site.deploy("v1.1.0", "production")
        site.target = None
        # SIGKILL leaves no word at GitHub, either.
        site.held.deployments[-1].statuses.pop()
        assert site.states()[-1] == ("deploy", "v1.1.0", "in_progress")
        clock = site.worlds["production"].time.clock
        told = rollback.resume(site.context(), "production", clock=clock)
        assert (told.outcome.ending, told.outcome.exit_code) == ("resumed", 0)
        assert site.states()[-1] == ("deploy", "v1.1.0", "error")
        assert site.stages()["production"] == "v1.0.0"
        assert len(site.held.issues) == 1
        again = rollback.resume(site.context(), "production", clock=clock)
        assert again.outcome.ending == "nothing to do"

    def test_a_status_says_who_answers(self, site: Site) -> None:
        site.release("v1.0.0")
        site.both("v1.0.0")
        text = rollback.status(site.context(), "production")
        assert "stable       peak-hour@v1.0.0" in text
        assert "traffic      100 % v1.0.0" in text
        assert "answers all requests." in text


def test_a_cancelled_job_goes_back_and_says_so(site: Site) -> None:
    site.release("v1.0.0")
    site.both("v1.0.0")
    site.release("v1.1.0")
    site.deploy("v1.1.0", "staging")
    world = site.worlds["production"]

    def cancel() -> None:
        for _ in range(2):  # as runners do
            os.kill(os.getpid(), signal.SIGINT)

    world.time.events.append((world.time.seconds + 8, cancel))
    told = site.deploy("v1.1.0", "production")
    assert (told.outcome.ending, told.outcome.exit_code) == ("interrupted", 130)
    assert site.states()[-1] == ("deploy", "v1.1.0", "error")
    assert site.stages()["production"] == "v1.0.0"
    assert told.warnings == ()
