"""What differs between what base and head declare about packages and Python."""

from __future__ import annotations

import dataclasses
import json

import pytest
from assay.causes import locks
from assay.causes.packages import Found, Upwards, package_changes, python_changes
from hypothesis import given
from hypothesis import strategies as st


@dataclasses.dataclass(frozen=True)
class Files:
    """A tree of a few files."""

    content: dict[str, str | bytes]

    def read(self, path: str) -> bytes | None:
        found = self.content.get(path)
        return found.encode() if isinstance(found, str) else found

    def files(self) -> tuple[str, ...]:
        return tuple(self.content)


def tree(*folders: dict[str, str | bytes]) -> Upwards:
    return Upwards([Files(files) for files in folders])


def changes(
    head: dict[str, str | bytes], base: dict[str, str | bytes], **options: object
) -> list[tuple[str, str | None, str | None, bool]]:
    found = package_changes(tree(head), tree(base), **options)
    assert not found.notes, found.notes
    return [(p.name, p.base, p.head, p.direct) for p in found.packages]


PROJECT = '[project]\nname = "own"\ndependencies = ["scikit-learn>=1.4", "pandas"]\n'


def uv_lock(**versions: str) -> str:
    own = '[[package]]\nname = "own"\nversion = "{own}"\nsource = {{ virtual = "." }}\n'
    parts = [own.format(own=versions.pop("own", "1"))]
    parts += [
        f'[[package]]\nname = "{name.replace("_", "-")}"\nversion = "{version}"\n'
        for name, version in versions.items()
    ]
    return "\n".join(parts)


def test_direct_packages_come_first_and_the_rest_by_name():
    head = uv_lock(scikit_learn="1.9.1", joblib="1.5", pandas="3.0", numpy="2.4")
    base = uv_lock(scikit_learn="1.8.0", joblib="1.4", pandas="3.0", scipy="1.15")
    found = changes(
        {"pyproject.toml": PROJECT, "uv.lock": head}, {"pyproject.toml": PROJECT, "uv.lock": base}
    )
    assert found == [
        ("scikit-learn", "1.8.0", "1.9.1", True),
        ("joblib", "1.4", "1.5", False),
        ("numpy", None, "2.4", False),
        ("scipy", "1.15", None, False),
    ]


def test_the_project_itself_is_no_package_that_changed():
    files = [{"pyproject.toml": PROJECT, "uv.lock": uv_lock(own=v, numpy="2")} for v in "12"]
    assert changes(*files) == []


def test_one_package_in_two_versions_has_both():
    twice = uv_lock(numpy="2.4") + '\n[[package]]\nname = "numpy"\nversion = "1.26"\n'
    found = changes(
        {"pyproject.toml": PROJECT, "uv.lock": twice},
        {"pyproject.toml": PROJECT, "uv.lock": uv_lock(numpy="2.4")},
    )
    assert found == [("numpy", "2.4", "1.26, 2.4", False)]


@pytest.mark.parametrize(
    ("name", "table", "form"),
    [
        ("uv.lock", "package", 'source = {{ git = "https://example.com/x?rev=main#{}" }}'),
        ("poetry.lock", "package", 'source = {{ resolved_reference = "{}" }}'),
        ("pdm.lock", "package", 'revision = "{}"'),
        ("pylock.toml", "packages", 'vcs = {{ commit-id = "{}" }}'),
    ],
)
def test_a_package_from_git_is_told_apart_by_its_commit(name: str, table: str, form: str):
    def files(commit: str) -> dict[str, str | bytes]:
        lock = f'[[{table}]]\nname = "pandas"\nversion = "3"\n{form.format(commit)}\n'
        return {"pyproject.toml": PROJECT, name: lock}

    found = changes(files("b" * 40), files("a" * 40))
    assert found == [("pandas", f"3 at {'a' * 10}", f"3 at {'b' * 10}", True)]


def test_the_lock_of_a_workspace_is_found_above_the_project():
    member = {"pyproject.toml": PROJECT}
    root = '[tool.uv.workspace]\nmembers = ["*"]\n'
    found = package_changes(
        tree(member, {"pyproject.toml": root, "uv.lock": uv_lock(pandas="3")}),
        tree(member, {"pyproject.toml": root, "uv.lock": uv_lock(pandas="2")}),
    )
    assert found.head == "../uv.lock"
    assert [(p.name, p.base, p.head) for p in found.packages] == [("pandas", "2", "3")]


def test_a_lock_above_that_is_no_workspace_is_not_ours():
    project = {"pyproject.toml": PROJECT}
    found = package_changes(
        tree(project, {"uv.lock": uv_lock(pandas="3")}),
        tree(project, {"uv.lock": uv_lock(pandas="2")}),
    )
    assert (found.head, found.packages) == ("pyproject.toml", ())


REQUIREMENTS = """\
# by hand
--index-url https://example.com/simple
numpy == 1.26.4 ; python_version < "3.13"  # pinned
scikit-learn[extra]>=1.4, <2
pandas==2.2.0 \\
    --hash=sha256:aaaa
-e .
./wheels/own.whl
https://example.com/a.whl
own @ git+https://user:secret@example.com/own.git@v2
-r more/extra.txt
-c more/pins.txt
"""


def test_requirements_are_read_with_what_they_include():
    here = tree(
        {
            "requirements.txt": REQUIREMENTS,
            "more/extra.txt": "Joblib===1.4\n-r ../requirements.txt\nscipy\n",
            "more/pins.txt": "scipy==1.15\nscikit_learn==1.5.2\n",
        }
    )
    assert locks.read(here, "requirements.txt") == {
        "numpy": "1.26.4",
        "scikit-learn": "1.5.2",
        "pandas": "2.2.0",
        "own": "@ git+https://example.com/own.git@v2",
        "joblib": "1.4",
        "scipy": "1.15",
    }


def test_requirements_that_include_each_other_without_end_are_read_once():
    deep = {f"{n}.txt": f"-r {n + 1}.txt\n" * 2 for n in range(3000)}
    here = tree({**deep, "3000.txt": "-r 0.txt\nnumpy==1\n"})
    assert locks.requirements(here, "0.txt") == {"numpy": "1"}


def test_requirements_outside_of_the_repository_are_not_read():
    here = tree({"requirements.txt": "-r ../../other.txt\n-r /etc/hosts\nnumpy==1\n"}, {})
    assert locks.read(here, "requirements.txt") == {"numpy": "1"}


def test_without_a_project_file_every_requirement_is_direct():
    found = changes({"requirements.txt": "numpy==2\n"}, {"requirements.txt": "numpy==1\n"})
    assert found == [("numpy", "1", "2", True)]


def test_requirements_in_says_what_is_direct():
    found = changes(
        {"requirements.in": "numpy\n", "requirements.txt": "joblib==2\nnumpy==2\n"},
        {"requirements.in": "numpy\n", "requirements.txt": "joblib==1\nnumpy==1\n"},
    )
    assert found == [("numpy", "1", "2", True), ("joblib", "1", "2", False)]


def test_files_that_the_user_named_come_before_those_that_are_found():
    def files(version: str) -> dict[str, str | bytes]:
        return {
            "pyproject.toml": PROJECT,
            "uv.lock": uv_lock(numpy="2"),
            "ci/a.txt": f"pandas=={version}",
            "ci/b.txt": "numpy==1",
        }

    found = package_changes(tree(files("3")), tree(files("2")), named=["ci/a.txt", "ci/b.txt"])
    assert found.head == "ci/a.txt, ci/b.txt"
    assert [(p.name, p.base, p.head) for p in found.packages] == [("pandas", "2", "3")]


POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\nnumpy = "^2"\n'
CONDA = "dependencies:\n- python=3.11\n- conda-forge::numpy={}=py311_0\n- pip:\n  - pandas=={}\n"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("poetry.lock", '[[package]]\nname = "NumPy"\nversion = "{}"\n'),
        ("pdm.lock", '[[package]]\nname = "numpy"\nversion = "{}"\n'),
        ("pylock.toml", '[[packages]]\nname = "numpy"\nversion = "{}"\n'),
        ("conda-lock.yml", "package: [{{name: numpy, version: '{}', platform: linux-64}}]"),
        ("environment.yml", "dependencies: [python=3.11, numpy={}]"),
        ("environment.yaml", "dependencies: [python=3.11, numpy=={}]"),
        ("requirements.txt", "numpy=={}"),
    ],
)
def test_every_lock_is_read(name: str, form: str):
    assert changes({name: form.format("2.4")}, {name: form.format("1.26")}) == [
        ("numpy", "1.26", "2.4", True)
    ]


def test_pipenv_is_read():
    def files(version: str) -> dict[str, str | bytes]:
        entry = {"numpy": {"version": f"=={version}"}, "local": {"path": "."}}
        lock = json.dumps({"default": entry, "develop": {"pytest": {"version": "==8"}}})
        return {"Pipfile": '[packages]\nnumpy = "*"\n', "Pipfile.lock": lock}

    assert changes(files("2"), files("1")) == [("numpy", "1", "2", True)]


def test_a_range_that_changes_is_shown_as_it_stands():
    found = changes(
        {"pyproject.toml": PROJECT.replace(">=1.4", ">=1.5")}, {"pyproject.toml": PROJECT}
    )
    assert found == [("scikit-learn", ">=1.4", ">=1.5", True)]


def test_poetrys_own_requirements_are_direct():
    lock = '[[package]]\nname = "numpy"\nversion = "{}"\n[[package]]\nname = "a"\nversion = "{}"\n'
    found = changes(
        {"pyproject.toml": POETRY, "poetry.lock": lock.format(2, 2)},
        {"pyproject.toml": POETRY, "poetry.lock": lock.format(1, 1)},
    )
    assert found == [("numpy", "1", "2", True), ("a", "1", "2", False)]


def test_conda_with_a_list_for_pip():
    found = changes(
        {"environment.yml": CONDA.format("2.4", "3")},
        {"environment.yml": CONDA.format("1.26", "2")},
    )
    assert found == [("numpy", "1.26", "2.4", True), ("pandas", "2", "3", True)]


def test_two_kinds_of_declaration_are_compared_where_both_pin():
    base = {"requirements.txt": "numpy==1.26\npandas>=2\n"}
    head = {"pyproject.toml": PROJECT, "uv.lock": uv_lock(numpy="2", pandas="3", joblib="1")}
    found = package_changes(tree(head), tree(base))
    assert [(p.name, p.base, p.head) for p in found.packages] == [("numpy", "1.26", "2")]
    (note,) = found.notes
    assert note.message == (
        "Packages are declared in requirements.txt at base and in uv.lock at head: compared are "
        "those whose version both pin."
    )


def test_nothing_declared_at_all():
    assert package_changes(tree({}), tree({})) == Found()


def test_settings_of_tools_are_no_declaration():
    assert package_changes(tree({"pyproject.toml": "[tool.ruff]\n"}), tree({})) == Found()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("uv.lock", "[[package", "uv.lock cannot be read, so packages are not compared: Expected"),
        ("uv.lock", b"\xff\xfe", "it is not UTF-8."),
        ("uv.lock", "x = " + "[" * 100_000, "it is nested too deeply."),
        ("poetry.lock", "= 1", "poetry.lock cannot be read"),
        ("Pipfile.lock", "{", "Pipfile.lock cannot be read"),
        ("Pipfile.lock", "[" * 100_000, "it is nested too deeply."),
        ("environment.yml", "a: [", "environment.yml cannot be read"),
    ],
)
@pytest.mark.parametrize("side", ["head", "base"])
def test_a_damaged_file_is_a_note(name: str, content: str | bytes, why: str, side: str):
    whole = {name: '{"default": {}}' if "Pip" in name else ""}
    whole |= {"pyproject.toml": PROJECT} if name == "uv.lock" else {}
    broken = {**whole, name: content}
    found = package_changes(*map(tree, (broken, whole) if side == "head" else (whole, broken)))
    assert found.packages == ()
    (note,) = found.notes
    assert why in note.message
    assert note.message.startswith("Base: ") == (side == "base")
    assert (note.severity, note.file) == ("note", name)


def test_a_lock_that_is_too_large_is_not_parsed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "LIMIT", 10)
    found = package_changes(tree({"poetry.lock": "x" * 11}), tree({"poetry.lock": ""}))
    assert "poetry.lock cannot be read" in found.notes[0].message
    assert "it is larger than" in found.notes[0].message


@pytest.mark.parametrize(
    "content",
    [
        "package = 3",
        '[[package]]\nname = 3\nversion = "1"',
        '[[package]]\nname = "numpy"\nversion = 1\nsource = "x"\nvcs = 3',
        "package = [1, 2]",
    ],
)
def test_values_of_another_kind_are_passed_over(content: str):
    found = package_changes(
        tree({"pyproject.toml": PROJECT, "uv.lock": content}),
        tree({"pyproject.toml": PROJECT, "uv.lock": ""}),
    )
    assert not found.notes
    assert {(p.name, p.head) for p in found.packages} <= {("numpy", "any version")}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_of_requirements_is_an_exception(text: str):
    found = package_changes(tree({"requirements.txt": text}), tree({"requirements.txt": ""}))
    assert all(change.head is not None and len(change.head) <= 100 for change in found.packages)


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.sampled_from("123")),
    st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.sampled_from("123")),
)
def test_every_difference_is_found_and_nothing_else(new: dict[str, str], old: dict[str, str]):
    def files(packages: dict[str, str]) -> dict[str, str | bytes]:
        return {"requirements.txt": "".join(f"{n}=={v}\n" for n, v in packages.items())}

    there = {(name, base, head) for name, base, head, _ in changes(files(new), files(old))}
    names = new.keys() | old.keys()
    assert there == {
        (name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    }


def test_pythons_that_are_asked_for():
    head = tree({"pyproject.toml": '[project]\nrequires-python = ">=3.12"\n'})
    base = tree(
        {"pyproject.toml": '[project]\nrequires-python = ">=3.11"\n', ".python-version": "3.11\n"}
    )
    found, notes = python_changes(head, base)
    assert [(p.file, p.base, p.head) for p in found] == [
        ("pyproject.toml", ">=3.11", ">=3.12"),
        (".python-version", "3.11", None),
    ]
    assert notes == ()


def test_python_of_poetry_and_pipenv():
    head = tree(
        {
            "pyproject.toml": POETRY,
            "Pipfile": '[requires]\npython_version = "3.12"\n',
        },
        {".python-version": "# chosen\n3.12\n"},
    )
    found, _ = python_changes(head, tree({}, {}))
    assert {(p.file, p.head) for p in found} == {
        ("pyproject.toml", "^3.11"),
        ("Pipfile", "3.12"),
        ("../.python-version", "3.12"),
    }


def test_a_damaged_project_file_is_a_note():
    found, notes = python_changes(tree({"pyproject.toml": "["}), tree({}))
    assert found == ()
    assert notes[0].message.startswith("pyproject.toml cannot be read")
