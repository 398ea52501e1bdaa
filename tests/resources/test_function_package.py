# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages: content, refusals, identical bytes on every machine; built, rebuilt and run."""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import platform
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    InvalidInputError,
    LimitReachedError,
    ReflectorError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function import package as package_module
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.function import LambdaFunction
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.package import (
    LambdaPackage,
    PackageSettings,
    SourceFile,
    archive,
    build_package,
    code_sha256,
    collect_files,
    merge,
    read_files,
)
from aws_in_tests import Cloud
from functions_in_tests import function_settings
from hypothesis import given
from hypothesis import strategies as st

# Recorded once: it may never change, or every function in every account is uploaded again.
GOLDEN = {"handler.py": b"def handler(event, context):\n    return 1\n", "library/umlaut-\u00e4.txt": b"\x00\xff"}
GOLDEN_SHA256 = "gSHca9rhh3Edcm532706V6yvL7L4NHT1H89fKWjs+xU="

ROOT = Path(__file__).resolve().parents[2]
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


def build(dest: Path, *sources: dict[str, str], check_mode: bool = False, **more: Any) -> dict[str, Any]:
    """Return the result of building a package."""
    options = {"runtime": "python3.13", "architecture": "arm64", **more}
    return build_package(str(dest), sources, check_mode=check_mode, **options)


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_package_bytes_are_the_recorded_ones() -> None:
    assert code_sha256(archive(GOLDEN)) == GOLDEN_SHA256


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}", fullmatch=True), st.binary(max_size=64), min_size=1),
    st.randoms(),
)
def test_package_order_of_files_does_not_matter(files: dict[str, bytes], chance: random.Random) -> None:
    shuffled = list(files.items())
    chance.shuffle(shuffled)
    data = archive(files)
    assert archive(dict(shuffled)) == data
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert {name: package.read(name) for name in package.namelist()} == files
        assert package.namelist() == sorted(files)
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in package.infolist()} == {0o100644}
        assert {entry.compress_type for entry in package.infolist()} == {zipfile.ZIP_STORED}


def test_package_times_and_permissions_of_files_do_not_matter(tmp_path: Path) -> None:
    files = {"b.py": "B = 1\n", "a/c.py": "C = 2\n", "Z.txt": "z"}
    one, other = tree(tmp_path / "one", files), tree(tmp_path / "other", dict(reversed(files.items())))
    os.utime(other / "b.py", (10**9, 10**9))
    (other / "a/c.py").chmod(0o755)
    built = [archive(read_files(collect_files([SourceFile(root)]))) for root in (one, other)]
    assert built[0] == built[1]


def interpreters() -> list[str]:
    """Return this Python, and the installed ones of the supported versions."""
    found = [sys.executable]
    for minor in (11, 12, 13, 14):
        python = shutil.which(f"python3.{minor}")
        if python and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            found.append(python)
    return found


@pytest.mark.parametrize("python", interpreters())
def test_package_is_the_same_with_another_python_locale_zone_and_hash_seed(python: str) -> None:
    package = "ansible_collections.logreflector.aws.plugins.module_utils._resources.function.package"
    code = f"from {package} import archive, code_sha256; print(code_sha256(archive({GOLDEN!r})))"
    environment = {"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith("build/collections"))
    done = subprocess.run(
        [python, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == (GOLDEN_SHA256, "")


def test_package_leaves_out_byte_code_hidden_names_and_tests(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "handler.py": "",
            "sinks/__init__.py": "",
            "sinks/__pycache__/x.cpython-313.pyc": "",
            "stale.pyc": "",
            ".git/config": "",
            ".env": "SECRET=1",
            "tests/test_handler.py": "",
            "sinks/tests/test_sink.py": "",
            "testing.py": "",
        },
    )
    assert list(collect_files([SourceFile(root)])) == ["handler.py", "sinks/__init__.py", "testing.py"]


def test_package_source_that_is_a_file_is_never_left_out(tmp_path: Path) -> None:
    tree(tmp_path, {".hidden": "", "tests": ""})
    assert list(collect_files([SourceFile(tmp_path / ".hidden"), SourceFile(tmp_path / "tests")])) == [
        ".hidden",
        "tests",
    ]


@pytest.mark.parametrize(
    ("src", "dest", "name"),
    [
        ("one.py", "", "one.py"),
        ("one.py", "library/", "library/one.py"),
        ("one.py", "other.py", "other.py"),
        ("one.py", "library/other.py", "library/other.py"),
        ("folder", "", "two.py"),
        ("folder", "library", "library/two.py"),
        ("folder", "library/", "library/two.py"),
        ("folder", "./library", "library/two.py"),
    ],
)
def test_package_path_of_a_source(tmp_path: Path, src: str, dest: str, name: str) -> None:
    tree(tmp_path, {"one.py": "", "folder/two.py": ""})
    assert list(collect_files([SourceFile(tmp_path / src, dest)])) == [name]


def test_package_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    tree(tmp_path, {"one/handler.py": "", "other/handler.py": ""})
    with pytest.raises(
        InvalidInputError, match=r"handler\.py would come from both .*one/handler\.py and .*other/handler\.py"
    ):
        collect_files([SourceFile(tmp_path / "one"), SourceFile(tmp_path / "other")])


def test_package_name_that_is_file_and_folder_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, {"a.py": "", "folder/b.py": ""})
    with pytest.raises(InvalidInputError, match=r"library would be a file .* and a folder"):
        collect_files([SourceFile(tmp_path / "a.py", "library"), SourceFile(tmp_path / "folder", "library")])


def test_package_merges_sources_and_wheels_sorted() -> None:
    files = merge({"handler.py": b"h", "z/a.py": b"z"}, {"orjson/__init__.py": b"o"}, Path("native.txt"))
    assert list(files.items()) == [("handler.py", b"h"), ("orjson/__init__.py", b"o"), ("z/a.py", b"z")]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("orjson/__init__.py", r"orjson/__init__\.py would come from both a source and a wheel of native\.txt"),
        ("orjson", r"orjson would be a file \(from a source\) and a folder \(from a wheel of native\.txt\)"),
        ("orjson/__init__.py/x", r"__init__\.py would be a file \(from a wheel of native\.txt\) and a folder"),
    ],
)
def test_package_source_with_the_name_of_a_wheels_file_is_refused(inside: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        merge({inside: b""}, {"orjson/__init__.py": b""}, Path("native.txt"))


def test_package_missing_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as failure:
        collect_files([SourceFile(tmp_path / "nowhere")])
    assert str(failure.value) == f"Could not accept the option sources: {tmp_path}/nowhere does not exist."


def test_package_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="they contain no file"):
        collect_files([SourceFile(tree(tmp_path, {".hidden": ""}))])


def test_package_links_are_followed_and_circles_refused(tmp_path: Path) -> None:
    tree(tmp_path, {"real/module.py": "", "package/handler.py": ""})
    (tmp_path / "package/linked").symlink_to(tmp_path / "real")
    assert list(collect_files([SourceFile(tmp_path / "package")])) == ["handler.py", "linked/module.py"]
    (tmp_path / "real/back").symlink_to(tmp_path / "package")
    with pytest.raises(InvalidInputError, match="leads back"):
        collect_files([SourceFile(tmp_path / "package")])


def test_package_broken_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    with pytest.raises(InvalidInputError, match="leads nowhere"):
        collect_files([SourceFile(tmp_path)])


@pytest.mark.parametrize("dest", ["/etc", "../outside", "a/../../b", "a\\b"])
def test_package_dest_outside_is_refused(tmp_path: Path, dest: str) -> None:
    with pytest.raises(InvalidInputError, match="not a path inside"):
        build(tmp_path / "x.zip", {"src": str(tmp_path), "dest": dest})


@pytest.mark.parametrize(
    ("text", "place"),
    [("def broken(:\n", "line 1, column"), ("x = 1\nreturn x\n", "line 2, column 1"), ("x = 1\n  y = 2\n", "line 2")],
)
def test_package_python_that_does_not_compile_is_refused_with_line_and_column(
    tmp_path: Path, text: str, place: str
) -> None:
    source = {"src": str(tree(tmp_path / "source", {"handler.py": text}))}
    for check_mode in (True, False):
        with pytest.raises(ReflectorError, match=rf"handler\.py: it does not compile at {place}"):
            build(tmp_path / "x.zip", source, check_mode=check_mode)
    assert not (tmp_path / "x.zip").exists()


def test_package_null_bytes_in_python_are_refused(tmp_path: Path) -> None:
    source = tree(tmp_path / "source", {"handler.py": "x = 1\0\n"})
    with pytest.raises(ReflectorError, match="does not compile"):
        build(tmp_path / "x.zip", {"src": str(source)})


def test_package_compiles_only_python(tmp_path: Path) -> None:
    source = tree(tmp_path / "source", {"data.txt": "def broken(:"})
    assert build(tmp_path / "x.zip", {"src": str(source)})["files"] == ["data.txt"]


def test_package_is_compiled_only_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def recorded(data: bytes, name: str, *arguments: Any, **options: Any) -> Any:
        compiled.append(Path(name).name)
        return compile(data, name, *arguments, **options)

    monkeypatch.setattr(package_module, "compile", recorded, raising=False)
    source = tree(tmp_path / "source", {"handler.py": "", "other.py": ""})
    first = build(tmp_path / "x.zip", {"src": str(source)})
    assert compiled == ["handler.py", "other.py"]
    assert build(tmp_path / "x.zip", {"src": str(source)}) == first
    assert compiled == ["handler.py", "other.py"]
    tree(source, {"other.py": "x = 1"})
    assert build(tmp_path / "x.zip", {"src": str(source)})["code_sha256"] != first["code_sha256"]
    assert compiled == ["handler.py", "other.py"] * 2


def test_package_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "LARGEST_PACKAGE", 1000)
    tree(tmp_path, {"a.bin": "x" * 600, "b.bin": "x" * 600})
    with pytest.raises(LimitReachedError, match="at least 1200 bytes, and Lambda takes 1000"):
        read_files(collect_files([SourceFile(tmp_path)]))
    with pytest.raises(LimitReachedError, match="build the package"):
        archive({"a.bin": b"x" * 990})


def test_package_limit_is_50_mb() -> None:
    assert package_module.LARGEST_PACKAGE == 52_428_800


def test_package_hash_is_lambdas() -> None:
    assert code_sha256(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_package_failed_write_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "source", {"handler.py": ""})

    def fail(_path: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    package = LambdaPackage(PackageSettings(dest=str(tmp_path / "x.zip"), sources=(SourceFile(root),)))
    with pytest.raises(ReflectorError, match=r"Could not write the package .*x\.zip"):
        package.build(check_mode=False)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Create a folder with a handler."""
    return tree(tmp_path / "source", {"handler.py": "def handler(event, context):\n    return 1\n"})


def test_package_is_built_once_and_rebuilt_after_a_change(tmp_path: Path, source: Path) -> None:
    dest = tmp_path / "build" / "reflector.zip"
    item = {"src": str(source)}
    checked = build(dest, item, check_mode=True)
    assert not dest.parent.exists()

    built = build(dest, item)
    assert built == checked
    assert built["code_sha256"] == code_sha256(dest.read_bytes())
    assert built["size"] == dest.stat().st_size
    assert built["files"] == ["handler.py"]
    assert zipfile.ZipFile(dest).namelist() == ["handler.py"]
    assert dest.stat().st_mode & 0o777 == 0o644

    written = dest.stat().st_mtime_ns
    again = build(dest, item)
    assert again == built
    assert dest.stat().st_mtime_ns == written

    (source / "handler.py").write_text("def handler(event, context):\n    return 2\n")
    updated = build(dest, item)
    assert updated["code_sha256"] == code_sha256(dest.read_bytes()) != built["code_sha256"]
    assert list(dest.parent.iterdir()) == [dest]


def test_package_replaces_another_file_at_dest(tmp_path: Path, source: Path) -> None:
    dest = tmp_path / "reflector.zip"
    dest.write_text("no zip")
    build(dest, {"src": str(source)})
    assert zipfile.is_zipfile(dest)


def test_package_order_of_sources_does_not_matter(tmp_path: Path, source: Path) -> None:
    (tmp_path / "more.py").write_text("")
    sources = [{"src": str(source)}, {"src": str(tmp_path / "more.py"), "dest": "library/"}]
    one = build(tmp_path / "one.zip", *sources)
    other = build(tmp_path / "other.zip", *reversed(sources))
    assert one["code_sha256"] == other["code_sha256"]


def test_package_with_broken_python_is_not_written(tmp_path: Path, source: Path) -> None:
    (source / "handler.py").write_text("def handler(event, context:\n")
    with pytest.raises(ReflectorError, match=r"handler\.py: it does not compile at line 1"):
        build(tmp_path / "x.zip", {"src": str(source)})
    assert not (tmp_path / "x.zip").exists()


def test_package_missing_source_fails_in_check_mode(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"the option sources: .*/nowhere does not exist"):
        build(tmp_path / "x.zip", {"src": str(tmp_path / "nowhere")}, check_mode=True)


def test_package_without_requirements_ignores_the_platform(tmp_path: Path, source: Path) -> None:
    first = build(tmp_path / "x.zip", {"src": str(source)})
    second = build(tmp_path / "x.zip", {"src": str(source)}, runtime="python3.12", architecture="x86_64")
    assert second == first


def test_package_folder_at_dest_is_an_error(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ReflectorError, match=rf"^Could not read the package {tmp_path}: Is a directory\.$"):
        build(tmp_path, {"src": str(source)})


def _build_often(dest: str, source: str) -> None:
    for _unused in range(20):
        build(Path(dest), {"src": source})
        assert zipfile.ZipFile(dest).testzip() is None


def test_package_is_built_by_several_processes_at_once(tmp_path: Path, source: Path) -> None:
    dest = tmp_path / "reflector.zip"
    context = multiprocessing.get_context("fork")
    forks = [context.Process(target=_build_often, args=(str(dest), str(source))) for _unused in range(4)]
    for fork in forks:
        fork.start()
    for fork in forks:
        fork.join(120)
    assert [fork.exitcode for fork in forks] == [0, 0, 0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reflector.zip", "source"]


def deploy(cloud: Cloud, name: str, built: dict[str, Any], runtime: str, architecture: str) -> None:
    """Create a function that runs the package."""
    settings = function_settings(
        name=name,
        package=built["path"],
        code_sha256=built["code_sha256"],
        role=cloud.role_arn,
        runtime=runtime,
        architecture=architecture,
        timeout=30,
    )
    created = cloud.converge(LambdaFunction, settings)
    assert created["function"]["code_sha256"] == built["code_sha256"]


def invoke(cloud: Cloud, name: str, event: Any) -> Any:
    """Return the function's answer."""
    return json.load(cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])


@pytest.mark.backend("embedded")
def test_package_runs_in_lambda(cloud: Cloud, tmp_path: Path) -> None:
    sources = tree(
        tmp_path / "sources",
        {
            "handler.py": "from inner.answer import answer\n\ndef handler(event, context):\n    return answer(event)\n",
            "inner/__init__.py": "",
            "inner/answer.py": "def answer(event):\n    return {'got': event['n'] + 1}\n",
        },
    )
    deploy(cloud, "packed", build(tmp_path / "x.zip", {"src": str(sources)}), "python3.13", "arm64")
    assert invoke(cloud, "packed", {"n": 41}) == {"got": 42}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the cache of the wheels that these tests download once from the package index."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def native(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that builds a package with the reflector's own pins."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    source = tmp_path / "handler.py"
    source.write_text(NATIVE)

    def build_native(dest: str, **more: Any) -> dict[str, Any]:
        requirements = str(ROOT / "lambda_src" / "requirements-native.txt")
        options = {"requirements": requirements, "runtime": RUNTIME, "architecture": ARCHITECTURE, **more}
        return build(tmp_path / dest, {"src": str(source)}, **options)

    return build_native


def machines(package: str) -> set[int]:
    """Return the machines (e_machine of the ELF header) that the libraries in a package are for."""
    with zipfile.ZipFile(package) as zipped:
        libraries = [zipped.read(name) for name in zipped.namelist() if name.endswith(".so")]
    assert all(data[:4] == b"\x7fELF" for data in libraries)
    return {int.from_bytes(data[18:20], "little") for data in libraries}


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", 183), ("x86_64", 62)])
def test_package_wheels_are_for_the_given_python_and_machine(
    native: Any, tmp_path: Path, architecture: str, machine: int
) -> None:
    checked = native("one.zip", check_mode=True, runtime="python3.13", architecture=architecture)
    assert not (tmp_path / "one.zip").exists()
    built = native("one.zip", runtime="python3.13", architecture=architecture)
    assert checked["code_sha256"] == built["code_sha256"]
    assert machines(built["path"]) == {machine}
    libraries = [name for name in built["files"] if name.endswith(".so")]
    assert len(libraries) == 4
    assert all(".cpython-313-" in name for name in libraries)
    assert {"isal-1.9.1.dist-info/licenses/LICENSE", "orjson-3.13.0.dist-info/METADATA"} <= set(built["files"])
    assert not [name for name in built["files"] if name.endswith(("/RECORD", "/WHEEL", ".pyc"))]


def test_package_with_wheels_is_the_same_without_the_index_and_from_another_cache(
    native: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = native("one.zip")
    with monkeypatch.context() as offline:
        offline.setenv("PIP_NO_INDEX", "1")
        offline.setenv("PIP_FIND_LINKS", str(tmp_path))
        again = native("one.zip")
    assert again == first
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    other = native("other.zip")
    assert first["code_sha256"] == again["code_sha256"] == other["code_sha256"]
    assert Path(first["path"]).read_bytes() == Path(other["path"]).read_bytes()


def test_package_wheel_with_another_hash_is_refused(native: Any, tmp_path: Path) -> None:
    requirements = tmp_path / "native.txt"
    requirements.write_text(f"orjson==3.13.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ReflectorError, match="the package index gave a file with another hash than the pinned ones"):
        native("x.zip", requirements=str(requirements))
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels are for Lambda's Linux")
def test_package_for_this_python_runs_here(native: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(native("x.zip")["path"]) as zipped:
        zipped.extractall(tmp_path / "task")
    code = "import handler, json; print(json.dumps(handler.handler({'n': [1, 'ä']}, None)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "task", capture_output=True, check=False)
    assert done.stderr == b""
    answer = json.loads(done.stdout)
    assert answer["same"]
    assert all(path.startswith(str(tmp_path / "task")) for path in answer["from"])


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels are for Lambda's Linux")
@pytest.mark.backend("embedded")
def test_package_with_native_code_runs_in_lambda(native: Any, cloud: Cloud) -> None:
    deploy(cloud, "native", native("x.zip"), RUNTIME, ARCHITECTURE)
    assert invoke(cloud, "native", {"n": [1, "ä"]}).get("same") is True
