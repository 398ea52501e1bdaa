"""A package built here runs there."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from internal_resources import LAMBDA_PACKAGE as SPEC

ROOT = Path(__file__).resolve().parents[3]
RUNTIME = f"python3.{sys.version_info.minor}"
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
NATIVE = """
import gzip, json
import orjson
from isal import igzip

def handler(event, context):
    text = orjson.dumps(event)
    return {"same": json.loads(gzip.decompress(igzip.compress(text))) == event, "from": [orjson.__file__, igzip.__file__]}
"""


@pytest.fixture
def embedded(request: pytest.FixtureRequest):
    """The embedded AWS alone: moto runs no code."""
    return request.getfixturevalue("_embedded")


def test_lambda_runs_what_was_packed(embedded, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    (sources / "inner").mkdir(parents=True)
    (sources / "handler.py").write_text(
        "from inner.answer import answer\n\ndef handler(event, context):\n    return answer(event)\n"
    )
    (sources / "inner" / "__init__.py").write_text("")
    (sources / "inner" / "answer.py").write_text("def answer(event):\n    return {'got': event['n'] + 1}\n")
    built = embedded.run("lambda_package", dest=str(tmp_path / "x.zip"), sources=[{"src": str(sources)}])
    created = embedded.run(
        "lambda_function",
        name="packed",
        zip_file=built["path"],
        code_sha256=built["code_sha256"],
        role=embedded.role_arn,
        handler="handler.handler",
    )
    assert created["function"]["code_sha256"] == built["code_sha256"]
    answer = embedded.client("lambda").invoke(FunctionName="packed", Payload=json.dumps({"n": 41}))
    assert json.load(answer["Payload"]) == {"got": 42}
    assert embedded.run("lambda_function", name="packed", state="absent", delete_log_group=True)["changed"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels that these tests bring from the package index, once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def native(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    """Builds a package with the reflector's own pins; the result."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    source = tmp_path / "handler.py"
    source.write_text(NATIVE)

    def build(dest: str, *, check_mode: bool = False, **more: str) -> dict[str, Any]:
        arguments = {
            "dest": str(tmp_path / dest),
            "sources": [{"src": str(source)}],
            "requirements": str(ROOT / "lambda_src" / "requirements-native.txt"),
            "runtime": RUNTIME,
            "architecture": ARCHITECTURE,
            **more,
        }
        return perform_in_process(SPEC, arguments, check_mode=check_mode)

    return build


def machines(package: str) -> set[int]:
    """The machines (e_machine of the ELF header) that the libraries in a package are for."""
    with zipfile.ZipFile(package) as archive:
        libraries = [archive.read(name) for name in archive.namelist() if name.endswith(".so")]
    assert all(data[:4] == b"\x7fELF" for data in libraries)
    return {int.from_bytes(data[18:20], "little") for data in libraries}


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", 183), ("x86_64", 62)])
def test_a_package_for_another_python_and_machine(native, tmp_path: Path, architecture: str, machine: int) -> None:
    checked = native("one.zip", check_mode=True, runtime="python3.13", architecture=architecture)
    assert not (tmp_path / "one.zip").exists()
    built = native("one.zip", runtime="python3.13", architecture=architecture)
    assert checked["code_sha256"] == built["code_sha256"], built.get("msg")
    assert machines(built["path"]) == {machine}
    libraries = [name for name in built["files"] if name.endswith(".so")]
    assert len(libraries) == 4
    assert all(".cpython-313-" in name for name in libraries)
    assert {"isal-1.9.1.dist-info/licenses/LICENSE", "orjson-3.13.0.dist-info/METADATA"} <= set(built["files"])
    assert not [name for name in built["files"] if name.endswith(("/RECORD", "/WHEEL", ".pyc"))]


def test_the_same_bytes_without_the_index_and_from_another_cache(
    native, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = native("one.zip")
    with monkeypatch.context() as offline:
        offline.setenv("PIP_NO_INDEX", "1")
        offline.setenv("PIP_FIND_LINKS", str(tmp_path))
        again = native("one.zip")
    assert again["changed"] is False
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    other = native("other.zip")
    assert first["code_sha256"] == again["code_sha256"] == other["code_sha256"]
    assert Path(first["path"]).read_bytes() == Path(other["path"]).read_bytes()


def test_a_pin_that_is_not_what_the_index_has_is_refused(native, tmp_path: Path) -> None:
    requirements = tmp_path / "native.txt"
    requirements.write_text(f"orjson==3.13.0 --hash=sha256:{'0' * 64}\n")
    refused = native("x.zip", requirements=str(requirements))
    assert refused["failed"]
    assert refused["msg"].startswith(
        f"Could not bring the wheels of {requirements} for {RUNTIME} on {ARCHITECTURE}: "
        "the package index gave a file with another hash than the pinned ones."
    )
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels are for Lambda's Linux")
def test_what_was_packed_for_this_python_works(native, tmp_path: Path) -> None:
    with zipfile.ZipFile(native("x.zip")["path"]) as archive:
        archive.extractall(tmp_path / "task")
    code = "import handler, json; print(json.dumps(handler.handler({'n': [1, 'ä']}, None)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "task", capture_output=True, check=False)
    assert done.stderr == b""
    answer = json.loads(done.stdout)
    assert answer["same"]
    assert all(path.startswith(str(tmp_path / "task")) for path in answer["from"])


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels are for Lambda's Linux")
def test_lambda_runs_native_code(native, embedded) -> None:
    built = native("x.zip")
    created = embedded.run(
        "lambda_function",
        name="native",
        zip_file=built["path"],
        code_sha256=built["code_sha256"],
        role=embedded.role_arn,
        handler="handler.handler",
        runtime=RUNTIME,
        architecture=ARCHITECTURE,
    )
    assert created["function"]["code_sha256"] == built["code_sha256"]
    answer = embedded.client("lambda").invoke(FunctionName="native", Payload=json.dumps({"n": [1, "ä"]}))
    assert json.load(answer["Payload"]).get("same") is True
    assert embedded.run("lambda_function", name="native", state="absent", delete_log_group=True)["changed"]
