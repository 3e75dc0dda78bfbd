"""Users' templates: how they are read, what they may do, and how they are told what is wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from assay.errors import ConfigError
from assay.report import html, markdown, templating

from tests import evidence_records, records

if TYPE_CHECKING:
    from pathlib import Path

EXTENDS = '{% extends "assay/comment.md.j2" %}\n'


def rendered(body: str) -> str:
    return markdown.render(records.good(), overrides={"comment.md.j2": body})


def refused(body: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        rendered(body)
    assert caught.value.file == "comment.md.j2"
    assert "comment.md.j2" in caught.value.message
    return caught.value


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.j2").write_text(text, encoding="utf-8")
    return tmp_path


def test_templates_are_read_by_name(tmp_path: Path) -> None:
    body = EXTENDS + "{% block environment %}{% endblock %}"
    (tmp_path / ".gitkeep").touch()
    found = templating.load(folder(tmp_path, **{"comment.md": body}))
    assert found == {"comment.md.j2": body}
    text = markdown.render(records.good(), overrides=found)
    assert "<summary>Environment</summary>" not in text
    assert "<summary>Repeat this run" in text


def test_a_page_may_be_overridden_too() -> None:
    body = '{% extends "assay/page.html.j2" %}{% block plots %}<p>None</p>{% endblock %}'
    page = html.render(evidence_records.sure(), overrides={"page.html.j2": body})
    assert "<p>None</p>" in page


@pytest.mark.parametrize("name", ["good", "hostile", "failed-checks"])
def test_an_override_that_changes_nothing_changes_nothing(name: str) -> None:
    """The purse of a user's template is large enough for ours."""
    record = records.ALL[name]()
    same = {"comment.md.j2": EXTENDS, "page.html.j2": '{% extends "assay/page.html.j2" %}'}
    assert markdown.render(record, overrides=same) == markdown.render(record)
    assert html.render(record, overrides=same) == html.render(record)


def test_a_large_page_is_no_loop_without_an_end() -> None:
    record = records.good()
    assert record.compare is not None
    slices = tuple(records.slice_change("user", str(i), 10, 0.5, 0.4) for i in range(1_000))
    metrics = tuple(records.change(f"metric_{i}", 0.5, 0.6) for i in range(1_000))
    update = {"slices": slices, "metrics": metrics}
    record = record.with_section("compare", record.compare.model_copy(update=update))
    same = {"page.html.j2": '{% extends "assay/page.html.j2" %}'}
    assert html.render(record, overrides=same) == html.render(record)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        templating.load(tmp_path / "none")


def test_a_folder_without_templates(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no template; allowed are `comment\.md\.j2` and"):
        templating.load(tmp_path)


def test_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`coment.md.j2` is no template .* `page.html.j2`"):
        templating.load(folder(tmp_path, **{"coment.md": "x"}))


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be understood") as caught:
        templating.load(folder(tmp_path, **{"comment.md": "a\n{% block x %}\n{% endfor %}"}))
    assert caught.value.where == f"{tmp_path / 'comment.md.j2'}:3"


def test_a_filter_that_is_none_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No filter named 'shout'") as caught:
        templating.load(folder(tmp_path, **{"page.html": "\n{{ 1 | shout }}"}))
    assert caught.value.line == 2


def test_a_template_that_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="more than 100,000 bytes"):
        templating.load(folder(tmp_path, **{"comment.md": "x" * 100_001}))


def test_a_template_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "comment.md.j2").write_bytes(b"a\nb\xff")
    with pytest.raises(ConfigError, match="no UTF-8") as caught:
        templating.load(tmp_path)
    assert caught.value.line == 2


@pytest.mark.parametrize("target", ["../secret", "comment.md.j2", "inside/"])
def test_a_link_out_of_the_folder(tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_text("token")
    inner = tmp_path / "templates"
    (inner / ".hidden").mkdir(parents=True)
    (inner / "comment.md.j2").symlink_to(target.replace("inside/", ".hidden"))
    with pytest.raises(ConfigError) as caught:
        templating.load(inner)
    assert caught.value.file == str(inner / "comment.md.j2")


def test_a_name_that_is_not_defined_has_its_line() -> None:
    error = refused(EXTENDS + "{% block notes %}\n\n{{ viw.notes }}{% endblock %}")
    assert error.line == 4
    assert "'viw' is undefined" in error.message
    assert "delete it" in (error.hint or "")


def test_a_call_of_ours_that_fails_has_the_users_line() -> None:
    assert (
        refused("{% from 'assay/comment.md.j2' import more with context %}\n{{ more('x') }}").line
        == 2
    )


@pytest.mark.parametrize(
    "body",
    [
        "{{ view.__class__ }}",
        "{{ view.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__ }}",
        "{{ view.of.__globals__ }}",
        "{{ part.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ view | map(attribute='__class__') | list }}",
        "{{ [view] | map(attribute='__class__') | first }}",
        "{{ '{0.__class__}'.format(view) }}",
        "{{ '{0.__class__}'.format_map({}) }}",
        "{{ view.metrics[0].title.__class__ }}",
        "{{ view | attr('__class__') }}",
        "{% set view.headline = 'x' %}",
        "{% include '/etc/passwd' %}",
        "{% include '../markdown.py' %}",
        "{% include 'assay/../markdown.py' %}",
        "{% include 'assay/../../record.py' %}",
        "{% import 'os' as os %}",
        "{{ lipsum() }}",
    ],
)
def test_nothing_leads_out_of_the_sandbox(body: str) -> None:
    refused(body)


DOUBLING = (
    "{% set n = namespace(x=['a']) %}{% for i in range(60) %}{% set n.x = STEP %}{% endfor %}"
)


@pytest.mark.parametrize(
    "body",
    [
        "{% for i in range(10**9) %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% for i in range(99999) %}" + "x" * 10_000 + "{% endfor %}",
        "{% macro m() %}" + "x" * 90_000 + "{% endmacro %}"
        "{% set a %}{% for i in range(99999) %}{{ m() }}{% endfor %}{% endset %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) ~ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include 'comment.md.j2' %}",
        "{% for i in [[1, 2]] recursive %}{{ loop([[1, 2], [1, 2]]) }}{% endfor %}",
        "{{ 'x' * 10**9 }}",
        "{{ 10**9 * 'x' }}",
        "{{ ['x'] * 10**9 }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ 2 ** (10**9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ 'x'.center(10**9) }}",
        "{{ 'x' | center(10**9) }}",
        "{{ 'x'.zfill(10**9) }}",
        "{{ '\t'.expandtabs(10**9) }}",
        "{{ 'x' | indent(10**9) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:1000000000}'['format'](1) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ ('a' * 10**6) | list | join('b' * 10**6) }}",
        "{{ ('a' * 10**5) | list | map('upper') | join('b' * 10**6) }}",
        "{{ ['x' * 10**6] * 10**6 }}",
        "{{ (['x' * 10**6] * 10**6) | string }}",
        "{{ (['x' * 10**6] * 10**6) ~ '' }}",
        "{{ ([['x' * 10**6] * 10**6] * 10**6) ~ '' }}",
        "{{ (['x' * 10**6] * 10**6) | map('upper') | list }}",
        "{{ (['x' * 10**6] * 10**6) | map('title') | list }}",
        "{{ ([['x'] * 10**6] * 10**5) | sum(start=[]) }}",
        "{{ ([['x'] * 10] * 10) | sum(None, []) }}",
        "{{ ('%(a)s' * 10**5) % {'a': 'b' * 10**6} }}",
        DOUBLING.replace("STEP", "n.x + n.x"),
        DOUBLING.replace("STEP", "n.x ~ n.x"),
        DOUBLING.replace("STEP", "[n.x | join, n.x | join] | join"),
        DOUBLING.replace("['a']", "3").replace("STEP", "n.x * n.x"),
    ],
)
def test_nothing_takes_all_time_or_memory(body: str) -> None:
    started = time.perf_counter()
    refused(body)
    assert time.perf_counter() - started < 30  # some would take hours


def test_only_the_template_that_is_asked_for_is_used() -> None:
    both = {"comment.md.j2": "Mine.", "page.html.j2": "{{ nothing }}"}
    assert markdown.render(records.good(), overrides=both) == "Mine.\n"


def test_a_constant_of_a_template_is_still_markup() -> None:
    text = rendered("# Our model <b>{{ '<b>' }}</b>")
    assert text == "# Our model <b>&lt;b&gt;</b>\n"


def test_one_that_took_everything_is_read_again_all_the_same(tmp_path: Path) -> None:
    """The engine is kept from one rendering to the next, and its purse is empty then."""
    body = "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}"
    assert "loops too often" in refused(body).message
    assert templating.load(folder(tmp_path, **{"comment.md": body})) == {"comment.md.j2": body}


def test_one_that_shows_nothing_is_refused() -> None:
    assert refused("{# only words for its author #}\n").message == (
        "The template `comment.md.j2` shows nothing."
    )
