"""The example's year after the release: who asks it, what is counted, and what becomes of it.

A repository on git, a DVC remote, a GitHub and a production, all on this machine. What a workflow
would run is run as its steps run it: Assay's command line, with the variables of a runner.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from assay.monitor.watched import FILE, MonitorSection
from assay.serving import loaded, predictiontable
from assay.serving.predictionlog import LogSettings, PredictionLog
from assay.serving.predictiontable import Entry

from tests.fakes.github_api import Repository, Token
from tests.workflows import scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.github_api import Comment, GitHubApi, Issue, Pull

NAME = "acme/bikes"
MODEL = "peak-hour"
WORKFLOW_TOKEN, PERSON_TOKEN = "ghs_OfTheWorkflow0123456789", "ghp_OfAPerson0123456789"
PEAK = 237
"""Rentals from which on an hour is a peak, as the pipeline learned it."""
_RIGHTS = dict.fromkeys(("contents", "issues", "pull_requests", "actions", "checks"), "write")
_YEAR = "data/production/2012.csv"
_EVALUATED = {"ASSAY_TRAIN": "skip"}


class YearError(Exception):
    """Something did not go as it should; the message has what was printed."""


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    text: str


@dataclass(frozen=True)
class Version:
    """A release."""

    name: str
    bundle: Path


class Company:
    """Who rents out bikes, and predicts their peaks.

    Args:
        folder: Where all of it lies; empty.
        api: GitHub.
        change: Edits the repository before its first commit.
    """

    def __init__(
        self, folder: Path, api: GitHubApi, *, change: Callable[[Path], None] = lambda _: None
    ) -> None:
        self.folder, self.api = folder, api
        self.project, self.origin = folder / "checkout", folder / "github.git"
        self.production = folder / "production"
        scratch.copy_example(self.project)
        self._apart()
        change(self.project)
        scratch.git(self.project, "init", "--quiet", "--initial-branch=main")
        self._told_who()
        scratch.commit(self.project, "Predict peak hours")
        scratch.git(folder, "clone", "--quiet", "--bare", str(self.project), str(self.origin))
        scratch.git(self.project, "remote", "add", "origin", str(self.origin))
        scratch.git(self.project, "fetch", "--quiet", "origin")
        api.state.tokens |= {
            WORKFLOW_TOKEN: Token("github-actions[bot]", "app", dict(_RIGHTS)),  # type: ignore[arg-type]
            PERSON_TOKEN: Token("octocat", permissions=dict(_RIGHTS)),  # type: ignore[arg-type]
        }
        api.state.repositories[NAME] = Repository(
            id=1, bare=str(self.origin), roles={"octocat": "write"}
        )
        self.dvc("pull", "--quiet")
        self._hours = _year(self.project)

    def _apart(self) -> None:
        """The remote and production are no part of the repository here, as they are not on S3."""
        shutil.move(self.project / "dvc-storage", self.folder / "remote")
        for name in ("log", "feed"):
            (self.production / name).mkdir(parents=True)
        for file, places in (
            (".dvc/config", {"../dvc-storage": "remote", "../production": "production"}),
            ("assay.yaml", {name: name for name in ("production/log", "production/labels")}),
        ):
            path = self.project / file
            text = path.read_text(encoding="utf-8")
            for old, new in places.items():
                if text.count(old) != 1:
                    raise YearError(f"{file} has {text.count(old)} times {old}, and not once.")
                text = text.replace(old, str(self.folder / new))
            path.write_text(text, encoding="utf-8")

    def _told_who(self) -> None:
        for key, value in (("name", "Octo Cat"), ("email", "octocat@example.org")):
            scratch.git(self.project, "config", f"user.{key}", value)

    @property
    def github(self) -> Repository:
        """What GitHub knows."""
        return self.api.state.repositories[NAME]

    @property
    def issues(self) -> list[tuple[int, Issue]]:
        """By number."""
        return sorted(self.github.issues.items())

    @property
    def pulls(self) -> list[tuple[int, Pull]]:
        """By number."""
        return sorted(self.github.pulls.items())

    def release(self, version: str, *, is_checked: bool = False) -> Version:
        """Check what is on `main`, package it, and tag it.

        Args:
            version: What it is called.
            is_checked: Whether to take the commit that was checked last, of a pull request too: for
                a test, in place of checking the same files once more.
        """
        if not is_checked:
            self.check_out("origin/main")
            self._assay("check", "--no-report", event="push", more=_EVALUATED)
        self._assay("package", event="push", more=_EVALUATED)
        bundles = (self.project / ".assay/bundles").iterdir()
        made = max((one for one in bundles if one.is_dir()), key=lambda one: one.stat().st_mtime)
        bundle = self.folder / "releases" / version / made.name
        shutil.copytree(made, bundle)
        tag = f"{MODEL}@{version}"
        scratch.git(self.project, "tag", "--annotate", tag, "--message", version)
        scratch.git(self.project, "push", "--quiet", "origin", tag)
        return Version(version, bundle)

    def answer(self, month: str, version: Version) -> int:
        """Every hour of a month is asked about as a request of its own; returns how many."""
        model = loaded.load(version.bundle, None, version=version.name, root=self.project)
        layout = predictiontable.layout(
            model.signature,
            model.profile,
            model=model.name,
            version=version.name,
            digest=model.digest,
        )
        log = PredictionLog(LogSettings(self.production / "log", form="parquet"), layout)
        hours = self._of(month)
        kinds = {one.name: one.dtype for one in model.signature.inputs}
        for hour in hours.to_dict("records"):
            feeds = {name: np.array([[hour[name]]], dtype=kind) for name, kind in kinds.items()}
            said = model.predict(feeds)
            log.put(Entry(hour["id"], hour["time"].timestamp(), 1, feeds, said))
        log.close()
        return len(hours)

    def count(self, month: str) -> None:
        """The labels of a month come, and the hours themselves to where data is imported from."""
        hours = self._hours[self._hours["time"] < _end(month)]
        hours[["id", "peak"]].to_csv(self.production / "labels.csv", index=False)
        table = pd.read_csv(self.project / _YEAR, dtype=str, keep_default_na=False)
        known = table[table["dteday"] < end(month)]
        known.to_csv(self.production / "feed/2012.csv", index=False, lineterminator="\n")

    def monitor(self, month: str, version: Version) -> MonitorSection:
        """What the scheduled workflow does on the first day of the next month."""
        self.check_out("origin/main")
        (self.project / ".assay" / FILE).unlink(missing_ok=True)
        until = f"--until={end(month)}"
        done = self._assay(
            "monitor", until, f"--bundle={version.bundle}", event="schedule", codes=(0, 1, 5)
        )
        written = self.project / ".assay" / FILE
        if not written.is_file():
            raise YearError(done.text)
        return MonitorSection.model_validate_json(written.read_text(encoding="utf-8"))

    def retrain(self) -> Done:
        """What the workflow does with an alarm."""
        return self._assay("retrain", event="schedule")

    def check(self, number: int) -> Comment:
        """The check of a pull request, which ends with its comment.

        Raises:
            YearError: There is none.
        """
        pull = self.github.pulls[number]
        self.check_out("origin/main")
        title = f"Merge {pull.head_sha}"
        merge = ("merge", "--quiet", "--no-ff", "--message", title, f"origin/{pull.head_ref}")
        scratch.git(self.project, *merge)
        base = scratch.git(self.project, "rev-parse", "origin/main").strip()
        head = scratch.git(self.project, "rev-parse", f"origin/{pull.head_ref}").strip()
        repository = {"full_name": NAME, "name": NAME.split("/")[1], "default_branch": "main"}
        payload = {
            "action": "opened",
            "number": number,
            "repository": repository,
            "pull_request": {
                "number": number,
                "title": pull.title,
                "user": {"login": pull.author},
                "base": {"ref": "main", "sha": base, "repo": repository},
                "head": {"ref": pull.head_ref, "sha": head, "repo": repository},
            },
        }
        self._assay("check", "--no-report", event="pull_request", payload=payload)
        said = self._assay(
            "report", "--comment", event="pull_request", payload=payload, codes=(0, 1)
        )
        comments = [one for one in self.github.comments if one.number == number]
        if not comments:
            raise YearError(f"Nothing was said on pull request {number}: {said.text}")
        return comments[-1]

    def merge(self, number: int) -> None:
        """A person presses the button."""
        self._request("PUT", f"/repos/{NAME}/pulls/{number}/merge", {})

    def dvc(self, *arguments: str) -> None:
        """Run DVC in the project."""
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(
            command, cwd=self.project, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise YearError(done.stdout + done.stderr)

    def _of(self, month: str) -> pd.DataFrame:
        hours = self._hours
        return hours[
            (hours["time"] >= pd.Timestamp(month, tz="UTC")) & (hours["time"] < _end(month))
        ]

    def check_out(self, ref: str) -> None:
        """A fresh clone, but for what DVC has already."""
        scratch.git(self.project, "fetch", "--quiet", "--tags", "origin")
        scratch.git(self.project, "checkout", "--quiet", "--force", "-B", "main", ref)

    def _assay(
        self,
        *arguments: str,
        event: str,
        payload: dict[str, Any] | None = None,
        codes: tuple[int, ...] = (0,),
        more: dict[str, str] | None = None,
    ) -> Done:
        """A step of a workflow.

        Raises:
            YearError: It ended otherwise.
        """
        told = self.folder / "event.json"
        repository = {"full_name": NAME, "name": NAME.split("/")[1], "default_branch": "main"}
        told.write_text(json.dumps(payload or {"repository": repository}), encoding="utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
        environment = kept | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.api.url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(told),
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_REF": f"refs/pull/{payload['number']}/merge" if payload else "refs/heads/main",
            "GITHUB_SHA": scratch.git(self.project, "rev-parse", "HEAD").strip(),
            "GITHUB_RUN_ID": "1",
            "GITHUB_WORKFLOW": "Model monitor",
            "ASSAY_TOKEN": WORKFLOW_TOKEN,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            **(more or {}),
        }
        done = subprocess.run(
            [sys.executable, "-m", "assay.cli", *arguments],
            cwd=self.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if done.returncode not in codes:
            raise YearError(f"assay {' '.join(arguments)}: {done.returncode}\n{done.stdout}")
        return Done(done.returncode, done.stdout)

    def _request(self, method: str, path: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.api.url}{path}",
            data=json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {PERSON_TOKEN}"},
        )
        with urllib.request.urlopen(request) as answer:
            answer.read()


def end(month: str) -> str:
    """The first day after a month."""
    return f"{_end(month):%Y-%m-%d}"


def _end(month: str) -> pd.Timestamp:
    return pd.Timestamp(month, tz="UTC") + pd.DateOffset(months=1)


def _year(project: Path) -> pd.DataFrame:
    """The hours of 2012: id, time (UTC), features and label, as the example's own code has them."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from peakhour import featurize, files, params, prepare\n"
        "raw = prepare.read_raw((prepare.RAW, Path(sys.argv[1])))\n"
        "hours = prepare.clean(raw)\n"
        "hours['peak'] = (hours['rentals'] >= int(sys.argv[2])).astype(int)\n"
        "settings = params.read('featurize', featurize.FeaturizeParams)\n"
        "files.write_table(featurize.featurize(hours, settings), Path(sys.argv[3]))\n"
    )
    made = project.parent / "hours.csv"
    command = [sys.executable, "-c", program, _YEAR, str(PEAK), str(made)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise YearError(done.stderr)
    hours = pd.read_csv(made, parse_dates=["time"])
    hours = hours[hours["time"] >= "2012-01-01"].reset_index(drop=True)
    hours["id"] = hours["time"].dt.strftime("%Y-%m-%dT%H")
    hours["time"] = hours["time"].dt.tz_localize("UTC")
    return hours
