"""DVC's configuration, its command line, and what must not be shown of them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from assay.errors import ProgramError, RepositoryError
from assay.workspace import dvccli, dvcconfig
from assay.workspace.dvccli import Dvc, Remote, without_credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import repos
from tests.builders import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def dvc(tmp_path: Path) -> Dvc:
    (tmp_path / "project/.dvc").mkdir(parents=True)
    environ = repos.environment(tmp_path / "home")
    return Dvc(tmp_path / "project", {**environ, "DVC_SYSTEM_CONFIG_DIR": str(tmp_path / "system")})


def _config(dvc: Dvc, text: str, name: str = "config") -> None:
    write(dvc.root, {f".dvc/{name}": text})


# --- configuration ------------------------------------------------------------------------------


def test_what_dvc_writes_is_read(dvc: Dvc) -> None:
    """Against ConfigObj, with which DVC reads and writes."""
    from configobj import ConfigObj

    written = ConfigObj()
    written["core"] = {"remote": "sto re", "analytics": "false"}
    written['remote "sto re"'] = {
        "url": "s3://bucket/a b,c#d",
        "endpointurl": "http://x:1",
        "password": "it's=\\odd",
    }
    lines = [line.decode() if isinstance(line, bytes) else line for line in written.write()]
    _config(dvc, "\n".join(lines))

    assert dvc.settings() == written.dict()


@pytest.mark.parametrize(
    "line", ["url = ../x", "url=../x", "    url   =   '../x'  # said so", 'URL = "../x"']
)
def test_what_people_write_is_read(dvc: Dvc, line: str) -> None:
    _config(
        dvc, f"# mine\n[core]\nremote = r\n\n['remote \"r\"'] # here\n{line}\n        jobs = 4\n"
    )
    assert dvc.settings()['remote "r"'] == {
        "url": str(dvc.root / "x"),
        "jobs": "4",
    }
    assert dvc.remote() == Remote(name="r", url=str(dvc.root / "x"))


_WORDS = st.text(
    st.characters(blacklist_categories=["C", "Z"], blacklist_characters="'\"[]"), min_size=1
)


@settings(deadline=None, derandomize=True)
@given(
    st.dictionaries(
        _WORDS.filter(lambda w: "#" not in w),
        st.dictionaries(
            st.sampled_from(["user", "password", "region"]),
            st.text(
                st.characters(blacklist_categories=["C", "Zl", "Zp"], blacklist_characters="'")
            ),
        ),
    )
)
def test_what_is_rendered_is_read_again(found: dict[str, dict[str, str]]) -> None:
    assert dvcconfig.parse(dvcconfig.render(found), file="config") == found


def test_later_files_win(dvc: Dvc, tmp_path: Path) -> None:
    home = tmp_path / "home/.config/dvc"
    write(
        tmp_path,
        {"system/config": "[core]\nremote = a\n['remote \"a\"']\nurl = s3://a\nuser = u\n"},
    )
    write(home, {"config": "[core]\nremote = b\n"})
    assert dvc.settings()["core"]["remote"] == "b"
    _config(dvc, "[core]\nremote = a\n")
    _config(dvc, "['remote \"a\"']\nurl = s3://local\n", "config.local")
    assert dvc.remote() == Remote(name="a", url="s3://local")
    assert dvc.settings()['remote "a"']["user"] == "u"


def test_paths_are_relative_to_the_file_that_says_so(dvc: Dvc, tmp_path: Path) -> None:
    config = "[cache]\ndir = ../../cache\n['remote \"r\"']\nkeyfile = id\nurl = remote://other/x\n"
    _config(dvc, config)
    section = dvc.settings()['remote "r"']
    assert dvc.cache_dir() == tmp_path / "cache"
    assert section["keyfile"] == str(dvc.root / ".dvc/id")
    assert section["url"] == "remote://other/x"


def test_without_configuration(dvc: Dvc) -> None:
    assert dvc.remote() is None
    assert dvc.cache_dir() == dvc.root / ".dvc/cache"


def test_a_default_remote_that_is_not_defined(dvc: Dvc) -> None:
    _config(dvc, "[core]\nremote = gone\n")
    assert dvc.remote() is None


@pytest.mark.parametrize("text", ["remote = x", "[core]\nnonsense", "[core\nx = 1", "[core]\n::x"])
def test_a_configuration_that_cannot_be_read(dvc: Dvc, text: str) -> None:
    _config(dvc, text)
    with pytest.raises(RepositoryError, match="DVC's configuration cannot be read") as caught:
        dvc.settings()
    assert caught.value.file == ".dvc/config"
    assert caught.value.line
    assert caught.value.exit_code == 2


def test_a_configuration_in_another_encoding(dvc: Dvc) -> None:
    (dvc.root / ".dvc/config").write_bytes(b"[core]\nremote = \xff\n")
    with pytest.raises(RepositoryError, match="it is not UTF-8"):
        dvc.settings()


def test_no_dvc_project(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="not a DVC repository") as caught:
        Dvc(tmp_path).require()
    assert "dvc init" in (caught.value.hint or "")


# --- what is shown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/data/remote", "/data/remote"),
        ("s3://bucket/models", "s3://bucket/models"),
        ("s3://bucket/user@host/x", "s3://bucket/user@host/x"),
        ("ssh://ada:hunter2@host:22/data", "ssh://host:22/data"),
        ("ssh://ada:hun@ter2@host/data", "ssh://host/data"),
        ("https://host/x?X-Amz-Signature=abc#frag", "https://host/x"),
        ("webdavs://ada@host", "webdavs://host"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        ("ssh://[broken", "ssh://[broken"),
        (
            "cannot reach 'https://u:p@h/x?sig=1' nor ssh://u:p@i/y.",
            "cannot reach 'https://h/x' nor ssh://i/y.",
        ),
    ],
)
def test_addresses_without_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@settings(deadline=None, derandomize=True)
@given(st.from_regex(r"[A-Za-z0-9:@.!$&'()*+,;=%_~-]{1,20}", fullmatch=True))
def test_no_password_is_shown(secret: str) -> None:
    url = f"https://ada:{secret}@host.example/path"
    assert without_credentials(url) == "https://host.example/path"


def test_long_lines_without_an_address_take_no_time() -> None:
    line = "a" * 1_000_000
    assert without_credentials(f"{line} 1https://u:p@h/x") == f"{line} 1https://h/x"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", ""),
        ("fine\n", ""),
        ("x\nERROR: no\x1b[0m ssh://u:p@h/x\nERROR: more", r"no\x1b[0m ssh://h/x"),
        (
            "'./dvc.yaml' is invalid.\n\nno stage, in line 3\n",
            "dvc.yaml is invalid: no stage, in line 3.",
        ),
    ],
)
def test_explanation(output: str, said: str) -> None:
    assert dvccli.explanation(output) == said


# --- the command line ---------------------------------------------------------------------------


def test_it_is_the_dvc_of_this_environment(dvc: Dvc) -> None:
    argv = dvc.argv("pull", "--", "-rf")
    assert argv[0] == sys.executable
    assert argv[-4:] == ["dvc", "pull", "--", "-rf"]


def test_a_dvc_elsewhere_on_the_path(
    dvc: Dvc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    elsewhere = tmp_path / "bin/dvc"
    write(tmp_path, {"bin/dvc": "#!/bin/sh\n"})
    elsewhere.chmod(0o755)
    assert Dvc(dvc.root, {"PATH": str(elsewhere.parent)}).argv("pull") == [str(elsewhere), "pull"]
    with pytest.raises(ProgramError, match="DVC is not installed") as caught:
        Dvc(dvc.root, {"PATH": os.devnull}).argv("pull")
    assert caught.value.exit_code == 3


def test_json_that_is_none(dvc: Dvc, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import sys; print('no json'); print('ERROR: it broke', file=sys.stderr); sys.exit({})"
    )
    for code, message in ((1, "`dvc status` failed: it broke"), (0, "did not print JSON")):
        argv = [sys.executable, "-c", program.format(code)]
        monkeypatch.setattr(Dvc, "argv", lambda *_, argv=argv: argv)
        with pytest.raises(ProgramError, match=message):
            dvc.json("status", "--json")


def test_the_skeleton_of_a_base_revision(dvc: Dvc, tmp_path: Path) -> None:
    _config(dvc, "[core]\nremote = r\n['remote \"r\"']\nurl = ../../store\npassword = hunter2\n")
    made = dvccli.skeleton(dvc, tmp_path / "base", {"sub/x.dvc": b"outs: []\n"})

    assert (made.root / "sub/x.dvc").read_bytes() == b"outs: []\n"
    assert made.remote() == Remote(name="r", url=str(tmp_path / "store"))
    assert made.cache_dir() == dvc.cache_dir(), "what is fetched for base is there for head"
    assert made.settings()["core"]["no_scm"] == "true"
    secret = made.root / ".dvc/config.local"
    assert "hunter2" in secret.read_text()
    assert secret.stat().st_mode & 0o077 == 0
