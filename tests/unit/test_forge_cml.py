"""CML's watermark, and publishing by a program that keeps CML's rules for its command line."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from assay.ci import DEFAULT_KEY
from assay.errors import ForgeError
from assay.forge import cml, watermark
from assay.forge.comment import Comment, Report, Run, has_marker, marker, visible, written
from assay.forge.sticky import Create, Update, decide, relevant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHA, SECRET = "a1" * 20, "ghs_S3cretThatNobodyMaySee"
BOT = "github-actions[bot]"


def title_in_cml(label: str) -> str:
    """`Watermark.title` of CML 0.20.6."""
    text = f"CML watermark {label}".strip()
    for character in "_*[<":
        text = text.replace(character, f"\\{character}")
    return text


def cml_finds(body: str, label: str = "") -> bool:
    """`Watermark.isIn` of CML 0.20.6."""
    title = re.sub(r"[.*+?^${}()|[\]\\]", r"\\\g<0>", title_in_cml(label))
    address = re.sub(r"[.*+?^${}()|[\]\\]", r"\\\g<0>", "https://cml.dev/watermark.png")
    return re.search(rf'!\[\]\({address}#[0-9a-fA-F]+ "{title}"\)', body) is not None


def by_cml(text: str, label: str = "", sha: str = SHA) -> str:
    """`Watermark.appendTo` of CML 0.20.6."""
    return f'{text}\n\n![](https://cml.dev/watermark.png#{sha} "{title_in_cml(label)}")'


def comment(number: int, body: str, author: str = BOT) -> Comment:
    return Comment(id=number, author=author, body=body, url=f"https://example.test/{number}")


def report(key: str = "default", text: str = "# Better") -> Report:
    return Report(text, marker(key), SHA, Run(7))


class TestWatermark:
    @pytest.mark.parametrize(
        ("key", "label"),
        [
            ("default", ""),
            ("bikes", "bikes"),
            ("a_b_c", "a_b_c"),
            ("models/v1.2 x", "models/v1.2 x"),
        ],
    )
    def test_cml_finds_ours_and_we_find_cml_s(self, key: str, label: str) -> None:
        assert cml_finds(written(report(key), head=None), label)
        assert cml_finds(written(replace(report(key), sha=None), head=None), label)
        assert watermark.stands_in(by_cml("# Report", label), key)

    def test_other_titles_are_other_reports(self) -> None:
        assert not cml_finds(written(report("bikes"), head=None), "")
        assert not cml_finds(written(report("default"), head=None), "bikes")
        assert not watermark.stands_in(by_cml("# Report", "bikes"), "default")
        assert not watermark.stands_in(by_cml("# Report"), "bikes")
        assert not watermark.stands_in(by_cml("# Report", "bikes2"), "bikes")

    def test_no_picture_is_loaded(self) -> None:
        body = written(report(), head=None)
        assert "cml.dev" not in re.sub(r"<!--.*?-->", "", body)
        assert "cml.dev" not in visible(body)

    @pytest.mark.parametrize(
        "key", ["-->", "a--b", 'a"b', "{workflow}", "<b>", " a", "päak", "", "a\nb"]
    )
    def test_a_key_that_is_no_title_has_no_watermark(self, key: str) -> None:
        body = written(report(key), head=None)
        assert "cml.dev" not in body
        assert not watermark.stands_in(by_cml("# Report", key), key)

    def test_the_default_key_is_everybody_s(self) -> None:
        assert watermark.UNTITLED == DEFAULT_KEY


class TestTakeOver:
    def choose(self, *comments: Comment, key: str = "default") -> Any:
        found = relevant(comments, marker(key))
        return decide(found, author=BOT, report=report(key), head=SHA)

    def test_the_last_that_cml_left_becomes_ours(self) -> None:
        comments = [comment(1, by_cml("# A")), comment(3, by_cml("# C")), comment(2, by_cml("# B"))]
        decision = self.choose(*comments)
        assert decision == Update(comments[1], written(report(), head=SHA))
        assert has_marker(decision.body, marker("default"))

    def test_one_of_ours_comes_first(self) -> None:
        ours = comment(1, written(report(text="# Old"), head=SHA))
        decision = self.choose(ours, comment(2, by_cml("# A")))
        assert isinstance(decision, Update)
        assert decision.comment == ours

    def test_one_of_ours_that_cml_updated_stays_the_one(self) -> None:
        updated = comment(1, by_cml("# By CML"))
        assert isinstance(self.choose(updated), Update)

    @pytest.mark.parametrize(
        ("body", "author"),
        [
            (by_cml("# Mine"), "octocat"),
            (by_cml("# Trees", "trees"), BOT),
            ("# Nothing", BOT),
            (written(report("trees"), head=None) + by_cml(""), BOT),
        ],
    )
    def test_others_are_left_alone(self, body: str, author: str) -> None:
        assert isinstance(self.choose(comment(1, body, author)), Create)

    def test_each_key_takes_its_own(self) -> None:
        comments = [comment(1, by_cml("# Trees", "trees")), comment(2, by_cml("# A"))]
        assert self.choose(*comments, key="trees").comment == comments[0]


STAND_IN = '''#!{python}
"""Reads a command line as CML 0.20.6 does: strict options, token from the environment."""
import json, os, sys
from pathlib import Path

OPTIONS = {{"--log", "--driver", "--repo", "--driver-token", "--token", "--target", "--pr",
    "--commit-sha", "--head-sha", "--watch", "--trigger-file", "--publish", "--publish-url",
    "--publish-native", "--native", "--update", "--rm-watermark", "--watermark-title"}}
arguments = sys.argv[1:]
named = [word for word in arguments if word.startswith("--")]
options = dict(word.split("=", 1) for word in named if "=" in word)
words = [word for word in arguments if word not in named]
unknown = [word for word in named if word.split("=")[0] not in OPTIONS]
if words[:2] != ["comment", "update"] or len(words) != 3 or unknown:
    sys.exit("Unknown arguments: " + " ".join(unknown or words))
body = Path(words[2]).read_text("utf-8")
seen = {{"options": options, "environ": dict(os.environ), "body": body}}
Path({seen!r}).write_text(json.dumps(seen))
token = next((os.environ[name] for name in ("REPO_TOKEN", "repo_token", "GITHUB_TOKEN")
    if os.environ.get(name)), None)
{ending}
'''
POSTED = 'print("https://github.com/acme/bikes/pull/5#issuecomment-9")'


class TestPublish:
    @pytest.fixture
    def environ(self, tmp_path: Path) -> dict[str, str]:
        return {
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_TOKEN": "ghs_other",
            "GITHUB_OUTPUT": "/runner/output",
            "repo_token": "ghp_other",
            "GITHUB_REPOSITORY": "acme/bikes",
        }

    def install(self, folder: Path, ending: str = POSTED) -> Path:
        seen, path = folder / "seen.json", folder / "cml"
        path.write_text(STAND_IN.format(python=sys.executable, seen=str(seen), ending=ending))
        path.chmod(0o755)
        return seen

    def post(self, environ: Mapping[str, str], key: str = "default") -> str:
        posted = cml.publish(
            report(key),
            server_url="https://github.com",
            repository="acme/bikes",
            pull_request=5,
            token=SECRET,
            environ=environ,
        )
        return posted.url

    def failure(self, environ: Mapping[str, str], key: str = "default") -> ForgeError:
        with pytest.raises(ForgeError) as caught:
            self.post(environ, key)
        assert caught.value.exit_code == 3
        assert caught.value.hint
        assert SECRET not in caught.value.message
        return caught.value

    def test_by_cml_s_rules(self, tmp_path: Path, environ: dict[str, str]) -> None:
        seen = self.install(tmp_path)
        assert self.post(environ) == "https://github.com/acme/bikes/pull/5#issuecomment-9"
        told = json.loads(seen.read_text())
        assert told["options"] == {
            "--target": "pr/5",
            "--repo": "https://github.com/acme/bikes",
            "--driver": "github",
            "--publish": "false",
        }
        assert told["body"] == written(report(), head=None)

    def test_the_token_is_in_the_environment_alone(
        self, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        told = json.loads((self.install(tmp_path), self.post(environ))[0].read_text())
        given = told["environ"]
        assert given["REPO_TOKEN"] == SECRET
        assert given["GITHUB_REPOSITORY"] == "acme/bikes"
        assert not {"GITHUB_TOKEN", "GITHUB_OUTPUT", "repo_token"} & set(given)
        assert SECRET not in json.dumps([told["options"], told["body"]])

    def test_a_key_is_the_title(self, tmp_path: Path, environ: dict[str, str]) -> None:
        seen = self.install(tmp_path)
        self.post(environ, "trees v2")
        assert json.loads(seen.read_text())["options"]["--watermark-title"] == "trees v2"

    def test_what_cml_updates_is_found_again_by_us(
        self, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        seen = self.install(tmp_path)
        self.post(environ)
        body = by_cml(json.loads(seen.read_text())["body"])
        found = relevant([comment(1, body)], marker("default"))
        assert isinstance(decide(found, author=BOT, report=report(text="# New")), Update)

    def test_without_cml(self, environ: dict[str, str], tmp_path: Path) -> None:
        error = self.failure({**environ, "PATH": str(tmp_path)})
        assert "not on PATH" in error.message
        assert "setup-cml" in (error.hint or "")

    @pytest.mark.parametrize(
        ("ending", "told"),
        [
            ('sys.exit("Bad credentials for " + token)', "exit code 1: Bad credentials for ***"),
            (
                'sys.exit(json.dumps({"level": "error", "message": "HttpError: no " + token}))',
                "exit code 1: HttpError: no ***",
            ),
            ("sys.exit(1)", "it says nothing"),
            ('print("on output"); sys.exit(1)', "on output"),
        ],
    )
    def test_its_last_words_are_told_without_the_token(
        self, tmp_path: Path, environ: dict[str, str], ending: str, told: str
    ) -> None:
        self.install(tmp_path, ending)
        assert told in self.failure(environ).message

    def test_a_key_that_cml_cannot_take(self, tmp_path: Path, environ: dict[str, str]) -> None:
        self.install(tmp_path)
        assert "'a--b'" in self.failure(environ, "a--b").message

    def test_a_silent_success_leads_to_the_pull_request(
        self, tmp_path: Path, environ: dict[str, str]
    ) -> None:
        self.install(tmp_path, "")
        assert self.post(environ) == "https://github.com/acme/bikes/pull/5"
