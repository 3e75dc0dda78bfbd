"""Which bundle is served, where it listens, and what is said of all others."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay import cli, clibundle
from assay.errors import AssayError, OutsideError, UsageError
from assay.packaging.bundle import BundleError
from assay.packaging.signing import KeyTrust
from assay.serving import drain
from assay.serving.app import create_app
from assay.serving.inputs import Column, Table
from assay.serving.loaded import load
from assay.serving.settings import ServeSettings
from typer.testing import CliRunner

from tests.serving_bundles import expected, loaded, made, rows
from tests.unit.packaging import vouched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.serving_bundles import Behaviour

TRUST = KeyTrust(vouched.KEY.public_key())
OTHER = KeyTrust(vouched.OTHER_KEY.public_key())


def test_a_folder_and_an_archive_are_the_same_model(tmp_path: Path) -> None:
    one = made(tmp_path)
    for path in (one.folder, one.archive):
        found = load(path, TRUST, root=tmp_path)
        assert (found.name, found.version, found.digest) == (
            "peak-hour",
            one.digest[:12],
            one.digest,
        )
        assert found.signer is not None
        assert found.inline_rows >= 1
    assert load(one.folder, None, version="v2", root=tmp_path).version == "v2"


def test_an_unsigned_bundle_is_served_only_if_nobody_has_to_sign(tmp_path: Path) -> None:
    one = vouched.made(tmp_path)
    with pytest.raises(BundleError, match=r"is not served: The bundle is not signed\.") as error:
        load(one.folder, TRUST, root=tmp_path)
    assert "assay sign" in str(error.value.hint)
    assert load(one.folder, None, root=tmp_path).signer is None


def test_a_bundle_that_somebody_else_signed(tmp_path: Path) -> None:
    one = made(tmp_path)
    for path in (one.folder, one.archive):  # called what the user called it
        with pytest.raises(BundleError, match="not by the one that is trusted") as error:
            load(path, OTHER, root=tmp_path)
        assert str(error.value.message).startswith(f"{path} is not served: ")


def _model(folder: Path) -> None:
    path = folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _profile(folder: Path) -> None:
    (folder / "profile.json").write_text("{}")


def _more(folder: Path) -> None:
    (folder / "more.py").write_text("import os")


def _manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace("peak-hour", "peak-hous"))


@pytest.mark.parametrize("change", [_model, _profile, _more, _manifest])
@pytest.mark.parametrize("trust", [TRUST, None])
def test_a_bundle_that_was_changed(
    tmp_path: Path, change: Callable[[Path], None], trust: KeyTrust | None
) -> None:
    one = made(tmp_path)
    change(one.folder)
    with pytest.raises(BundleError, match="is not served: "):
        load(one.folder, trust, root=tmp_path)


def test_nothing_is_loaded_before_it_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    def never(*given: Any, **named: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(onnxruntime, "InferenceSession", never)
    one = made(tmp_path)
    _model(one.folder)
    with pytest.raises(BundleError):
        load(one.folder, TRUST, root=tmp_path)


def test_a_file_that_changes_after_it_was_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.packaging import verify

    real = verify.verify

    def then_changed(path: Path, *given: Any, **named: Any) -> verify.Verdict:
        found = real(path, *given, **named)
        _model(path)
        return found

    monkeypatch.setattr(verify, "verify", then_changed)
    with pytest.raises(BundleError, match=r"model\.onnx changes while the bundle is loaded"):
        load(made(tmp_path).folder, TRUST, root=tmp_path)


def test_an_archive_that_is_damaged(tmp_path: Path) -> None:
    one = made(tmp_path)
    one.archive.write_bytes(one.archive.read_bytes()[:-20])
    with pytest.raises(BundleError, match="is damaged"):
        load(one.archive, TRUST, root=tmp_path)


def test_a_native_bundle_is_asked_as_a_table(tmp_path: Path) -> None:
    import pandas as pd
    from assay.packaging import native
    from assay.packaging.facts import InputSpec, OutputSpec, Signature
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 4.0], "b": [1.0, 0.0, 3.0, 1.0]})
    model = LinearRegression().fit(frame, 2 * frame["a"] - frame["b"])
    signature = Signature(
        task="regression",
        inputs=tuple(InputSpec(name=name, dtype="float64") for name in "ab"),
        outputs=(OutputSpec(name="value", meaning="value", dtype="float64", shape=(None,)),),
    )
    one = vouched.signed(
        tmp_path,
        content=native.dumped(model, root=tmp_path),
        kind="native",
        model="model.skops",
        conversion=None,
        signature=signature,
    )
    found = load(one.folder, TRUST, root=tmp_path)
    feeds = {name: frame[[name]].to_numpy() for name in "ab"}
    assert found.predict(feeds)["value"] == pytest.approx([-1.0, 2.0, 1.0, 7.0])
    assert found.inline_rows == 0
    assert found.profile is None


WRONG: dict[str, dict[str, Any]] = {
    "`--max-body` is 0; at least 1.": {"max_body": 0},
    "`--max-rows` is -1; at least 1.": {"max_rows": -1},
    "`--concurrency` is 0; at least 1.": {"concurrency": 0},
    "`--timeout` is 0; at least 0.001.": {"timeout": 0},
    "`--timeout` is nan; at least 0.001.": {"timeout": float("nan")},
    "`--drain` is -1; at least 0.": {"drain": -1},
    "`--port` is -1; at least 0.": {"port": -1},
    "`--port` is 65536; at most 65535.": {"port": 65536},
}


@pytest.mark.parametrize("message", WRONG)
def test_settings_that_cannot_be(message: str) -> None:
    with pytest.raises(UsageError) as error:
        ServeSettings(**WRONG[message])
    assert error.value.message == message


def test_a_place_that_cannot_be_listened_on(tmp_path: Path) -> None:
    app = create_app(loaded(tmp_path), ServeSettings())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OutsideError, match=f"127.0.0.1:{port} cannot be listened on") as error:
            drain.Server(app, ServeSettings(port=port))
        assert "--port" in str(error.value.hint)
    for path, kind, what in (
        (tmp_path / ("x" * 120), UsageError, "too long for a unix socket"),
        (tmp_path / "none" / "s", OutsideError, "No such file or directory"),
        (tmp_path / "file", OutsideError, "it is in use"),
    ):
        (tmp_path / "file").write_text("")
        with pytest.raises(kind, match=what):
            drain.Server(app, ServeSettings(uds=path))
    with pytest.raises(OutsideError, match="cannot be listened on"):
        drain.Server(app, ServeSettings(host="no.such.host.invalid"))


def test_a_socket_that_is_left_over_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    app = create_app(loaded(tmp_path), ServeSettings())
    server = drain.Server(app, ServeSettings(uds=path))
    with pytest.raises(OutsideError, match="it is in use"):
        drain.Server(app, ServeSettings(uds=path))
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_socket()) == ["s"]
    server.discard()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "Nothing says whose signature counts"),
        (["--unsigned", "--key", "k"], "--key and --unsigned exclude each other"),
        (["--unsigned", "--max-rows", "0"], "`--max-rows` is 0"),
        (["--key", "/no/such/key"], "/no/such/key, which should be a public key, cannot be read"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path: Path, more: list[str], message: str) -> None:
    result = CliRunner().invoke(cli.app, ["serve", str(made(tmp_path).folder), *more])
    assert isinstance(result.exception, AssayError)
    assert result.exception.exit_code == 2
    assert message in result.exception.message


def test_a_bundle_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no"):
        clibundle.found(tmp_path / "none", Path())


@pytest.mark.parametrize("behaviour", ["good", "wrong", "nan"])
def test_the_models_of_the_tests_say_what_numpy_says(tmp_path: Path, behaviour: Behaviour) -> None:
    asked = rows(200, seed=3)
    said = expected(asked, behaviour)
    model = loaded(tmp_path, behaviour=behaviour)
    table = Table([Column.of(one, model.parity) for one in model.signature.inputs], 200)
    answers = model.predict(table.rows(asked))
    np.testing.assert_allclose(answers["probabilities"][:, 1], said, rtol=1e-12)
    assert answers["label"].tolist() == (said > 0.5).astype(int).tolist()


def test_a_start_waits_for_no_module_that_no_request_needs() -> None:
    code = (
        "import sys; from assay.packaging import verify; from assay.serving import drain, loaded;"
        "drain._tcp('127.0.0.1', 0).close();"
        "print(sorted({'numpy.ma', 'assay.stats.catalogue', 'stringprep'} & {*sys.modules}))"
    )
    command = [sys.executable, "-P", "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
