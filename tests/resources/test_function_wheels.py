# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wheels: requested, refused and packaged files, with the real pip and a folder as index."""

from __future__ import annotations

import base64
import hashlib
import io
import multiprocessing
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    InvalidInputError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function import wheels
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function.wheels import (
    Pin,
    Platform,
    cache_folder,
    read_pins,
    unpacked,
    wheel_files,
)
from hypothesis import given
from hypothesis import strategies as st

ARM = Platform("python3.13", "arm64")
A, B = "a" * 64, "b" * 64
ROOT = Path(__file__).resolve().parents[2]


def make_wheel(index: Path, tag: str, answer: int, name: str = "toy", **more: bytes) -> str:
    """Create a wheel that pip accepts, and return its SHA-256."""
    files = {
        f"{name}/__init__.py": f"ANSWER = {answer}\n".encode(),
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{name}-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        **more,
    }
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}"
        for path, data in files.items()
    ]
    files[f"{name}-1.0.dist-info/RECORD"] = "\n".join([*record, f"{name}-1.0.dist-info/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    index.mkdir(exist_ok=True)
    (index / f"{name}-1.0-{tag}.whl").write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip use only a folder as index, and a cache for this test."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "index"


def pinned(tmp_path: Path, *hashes: str, name: str = "toy") -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(f"{name}==1.0 " + " ".join(f"--hash=sha256:{digest}" for digest in hashes) + "\n")
    return path


def test_only_the_wheel_for_the_platform_is_packed(tmp_path: Path, index: Path) -> None:
    tags = {
        "cp313-cp313-manylinux2014_aarch64": 1,
        "cp313-cp313-manylinux_2_28_x86_64": 2,
        "cp312-cp312-manylinux_2_34_aarch64": 3,
        "cp311-cp311-manylinux_2_26_x86_64": 4,
        "cp311-cp311-manylinux_2_28_x86_64": 5,  # newer than the glibc of Amazon Linux 2
        "cp313-cp313t-manylinux2014_aarch64": 6,
        "cp313-cp313-manylinux_2_35_aarch64": 7,  # newer than the glibc of Amazon Linux 2023
        "cp313-cp313-musllinux_1_2_aarch64": 8,
    }
    requirements = pinned(tmp_path, *(make_wheel(index, tag, answer) for tag, answer in tags.items()))
    for runtime, architecture, answer in [
        ("python3.13", "arm64", 1),
        ("python3.13", "x86_64", 2),
        ("python3.12", "arm64", 3),
        ("python3.11", "x86_64", 4),
    ]:
        files = wheel_files(requirements, Platform(runtime, architecture))
        assert files["toy/__init__.py"] == f"ANSWER = {answer}\n".encode()
    with pytest.raises(ReflectorError, match=r"for python3\.14 on arm64: No matching distribution found for toy==1\.0"):
        wheel_files(requirements, Platform("python3.14", "arm64"))


def test_pip_gets_all_options_of_the_platform() -> None:
    """pip would take a missing option from the machine and the Python that it runs on."""
    assert Platform("python3.11", "x86_64").pip_options() == [
        "--implementation=cp",
        "--python-version=3.11",
        "--abi=cp311",
        *(f"--platform=manylinux_2_{glibc}_x86_64" for glibc in (26, 25, 24, 23, 22, 21, 20, 19, 18, 17)),
        "--platform=manylinux2014_x86_64",
    ]


def test_wheels_for_any_platform_or_later_pythons_serve_too(tmp_path: Path, index: Path) -> None:
    pure = pinned(tmp_path, make_wheel(index, "py3-none-any", 1))
    assert wheel_files(pure, ARM)["toy/__init__.py"] == b"ANSWER = 1\n"
    stable = pinned(tmp_path, make_wheel(index, "cp39-abi3-manylinux2014_aarch64", 2))
    assert wheel_files(stable, ARM)["toy/__init__.py"] == b"ANSWER = 2\n"


def test_wheels_cached_are_not_downloaded_again(tmp_path: Path, index: Path, monkeypatch) -> None:
    requirements = pinned(tmp_path, make_wheel(index, "py3-none-any", 1))
    first = wheel_files(requirements, ARM)

    def run(*_unused: object, **_options: object) -> None:
        raise AssertionError("pip was started")

    def lock(*_unused: object) -> None:
        raise AssertionError("the cache was locked")

    monkeypatch.setattr(wheels, "_run", run)
    with monkeypatch.context() as reading:
        reading.setattr(wheels.fcntl, "flock", lock)
        assert wheel_files(requirements, ARM) == first
    assert wheel_files(requirements, ARM) == first
    requirements.write_text(f"# why it is here\n\n{requirements.read_text()}")
    assert wheel_files(requirements, ARM) == first
    with pytest.raises(AssertionError, match="pip was started"):
        wheel_files(requirements, Platform("python3.12", "arm64"))


def test_damaged_cached_wheel_is_downloaded_again(tmp_path: Path, index: Path) -> None:
    requirements = pinned(tmp_path, make_wheel(index, "py3-none-any", 1))
    first = wheel_files(requirements, ARM)
    (cached,) = cache_folder().glob("*/*.whl")
    cached.write_bytes(cached.read_bytes()[:-9])
    assert wheel_files(requirements, ARM) == first


def test_wheels_new_pin_excludes_old_wheel(tmp_path: Path, index: Path) -> None:
    wheel_files(pinned(tmp_path, make_wheel(index, "py3-none-any", 1)), ARM)
    requirements = pinned(tmp_path, make_wheel(index, "py3-none-any", 2))
    assert wheel_files(requirements, ARM)["toy/__init__.py"] == b"ANSWER = 2\n"


def test_another_hash_is_refused(tmp_path: Path, index: Path) -> None:
    make_wheel(index, "py3-none-any", 1)
    requirements = pinned(tmp_path, A)
    with pytest.raises(RefusedError) as failure:
        wheel_files(requirements, ARM)
    assert str(failure.value) == (
        f"Could not bring the wheels of {requirements} for python3.13 on arm64: the package index gave a file with "
        "another hash than the pinned ones. Compare the hash with what the project itself has published: "
        "the pin is wrong, or the file is forged."
    )
    assert list(cache_folder().glob("*/*.whl")) == []


def test_wheels_missing_in_index_error_is_one_sentence(tmp_path: Path, index: Path) -> None:
    with pytest.raises(ReflectorError) as failure:
        wheel_files(pinned(tmp_path, A), ARM)
    assert str(failure.value).endswith(
        "No matching distribution found for toy==1.0. Check that this machine reaches a package index that has them, "
        "or name one as for any pip (PIP_INDEX_URL, PIP_FIND_LINKS)."
    )


def test_wheels_python_without_pip_error_is_one_sentence(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" -I -S "$@"\n')  # -S: no site-packages, so no pip
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(
        ReflectorError, match=f"{python} has no pip. Install it, for example with {python} -m ensurepip"
    ):
        wheel_files(pinned(tmp_path, A), ARM)


def test_pip_that_hangs_is_one_sentence(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_LONGEST_DOWNLOAD", 0.01)
    with pytest.raises(ReflectorError, match=r"pip had not ended after 0\.01 seconds"):
        wheel_files(pinned(tmp_path, A), ARM)


def test_credentials_of_the_index_are_never_shown() -> None:
    failure = wheels._failure("bring x", "ERROR: 403 for url: https://builder:s3cret@index.example/simple/toy/")
    assert "https://***@index.example" in str(failure)
    assert "s3cret" not in str(failure)


def test_wheels_unwritable_cache_error_is_one_sentence(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ReflectorError, match=r"Could not keep wheels in the cache .*: Not a directory\. Set XDG_CACHE"):
        wheel_files(pinned(tmp_path, A), ARM)


def _bring(requirements: Path, log: Path) -> None:
    run = wheels._run

    def counting(command):
        with log.open("a") as file:
            file.write("pip\n")
        return run(command)

    wheels._run = counting
    assert wheel_files(requirements, ARM)["toy/__init__.py"] == b"ANSWER = 1\n"


def test_forks_that_want_the_same_wheels_bring_them_once(tmp_path: Path, index: Path) -> None:
    requirements = pinned(tmp_path, make_wheel(index, "py3-none-any", 1))
    context = multiprocessing.get_context("fork")
    forks = [context.Process(target=_bring, args=(requirements, tmp_path / "log")) for _unused in range(4)]
    for fork in forks:
        fork.start()
    for fork in forks:
        fork.join(60)
    assert [fork.exitcode for fork in forks] == [0, 0, 0, 0]
    assert (tmp_path / "log").read_text() == "pip\n"


@pytest.mark.parametrize("runtime", ["nodejs22.x", "python3.13 ", "python4.1", "python3.", "python3.013", "3.13"])
def test_another_runtime_is_refused(runtime: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a Python runtime of Lambda"):
        Platform(runtime, "arm64")


def test_pins_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(
        f"# libraries\n\nTwo_Words==2.0+cpu \\\n    --hash=sha256:{B} \\\n    --hash=sha256:{A}\n"
        f"  # again\none==1.0rc1 --hash=sha256:{A} # why\n"
    )
    assert read_pins(path) == (
        Pin("one", "1.0rc1", frozenset({A})),
        Pin("Two_Words", "2.0+cpu", frozenset({A, B})),
    )


@pytest.mark.parametrize(
    "line",
    [
        "toy",
        "toy==1.0",
        f"toy>=1.0 --hash=sha256:{A}",
        f"toy==1.* --hash=sha256:{A}",
        f"toy==1.0 --hash=sha256:{A[1:]}",
        "toy==1.0 --hash=md5:0123456789abcdef0123456789abcdef",
        f"toy==1.0 ; python_version > '3' --hash=sha256:{A}",
        f"toy[extra]==1.0 --hash=sha256:{A}",
        f"./toy --hash=sha256:{A}",
        f"toy @ https://index.example/toy.whl --hash=sha256:{A}",
        "--index-url https://index.example/simple",
        "-r other.txt",
        f"toy==1.0 --hash=sha256:{A} \\\n# comment\n --hash=sha256:{B}",
    ],
)
def test_pins_invalid_line_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"# first\n{line}\n")
    with pytest.raises(InvalidInputError, match=rf"requirements: {path}, line [24]: it is not NAME==VERSION"):
        read_pins(path)


def test_pins_duplicate_or_empty_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"a-b==1.0 --hash=sha256:{A}\nA_B==1.0 --hash=sha256:{A}\n")
    with pytest.raises(InvalidInputError, match="line 2: A_B is there twice"):
        read_pins(path)
    path.write_text("# nothing\n")
    with pytest.raises(InvalidInputError, match="names nothing"):
        read_pins(path)
    with pytest.raises(InvalidInputError, match=r"nowhere: No such file or directory"):
        read_pins(tmp_path / "nowhere")


@given(st.text(max_size=200))
def test_pins_arbitrary_text_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(InvalidInputError):
        read_pins(path)


def test_unpacked_keeps_only_code_licenses_and_metadata(tmp_path: Path) -> None:
    info = "toy-1.0.dist-info"
    make_wheel(
        tmp_path,
        "py3-none-any",
        1,
        **{
            "toy/native.so": b"\x7fELF",
            f"{info}/licenses/LICENSE-MIT": b"",
            f"{info}/LICENSE.txt": b"",
            f"{info}/top_level.txt": b"toy",
            f"{info}/sboms/toy.json": b"{}",
        },
    )
    wheel = (tmp_path / "toy-1.0-py3-none-any.whl").read_bytes()
    assert sorted(unpacked("toy", wheel)) == [
        f"{info}/LICENSE.txt",
        f"{info}/METADATA",
        f"{info}/licenses/LICENSE-MIT",
        "toy/__init__.py",
        "toy/native.so",
    ]


@pytest.mark.parametrize("inside", ["../toy.py", "/toy.py", "toy/../../toy.py", "toy-1.0.data/scripts/toy"])
def test_a_wheel_that_leads_elsewhere_is_refused(tmp_path: Path, inside: str) -> None:
    make_wheel(tmp_path, "py3-none-any", 1, **{inside: b""})
    wheel = (tmp_path / "toy-1.0-py3-none-any.whl").read_bytes()
    with pytest.raises(RefusedError, match=rf"unpack the wheel toy: its file {inside} does not belong"):
        unpacked("toy", wheel)


def test_a_wheel_that_is_no_zip_is_one_sentence() -> None:
    with pytest.raises(ReflectorError, match="Could not unpack the wheel toy: File is not a zip file"):
        unpacked("toy", b"no zip")


def test_two_wheels_with_one_file_are_refused(tmp_path: Path, index: Path) -> None:
    hashes = {
        name: make_wheel(index, "py3-none-any", 1, name=name, **{"shared/data.txt": b""}) for name in ("toy", "other")
    }
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("".join(f"{name}==1.0 --hash=sha256:{digest}\n" for name, digest in hashes.items()))
    with pytest.raises(InvalidInputError, match=r"shared/data\.txt would come from toy-1\.0.* and from another wheel"):
        wheel_files(requirements, ARM)


def test_reflector_pins_cover_all_runtimes_and_architectures() -> None:
    """There is one wheel of each library for each of the four Pythons and two architectures."""
    pins = read_pins(ROOT / "lambda_src" / "requirements-native.txt")
    assert {pin.name: len(pin.hashes) for pin in pins} == {"isal": 8, "orjson": 8}
    tested = (ROOT / "tests" / "runtimes" / "requirements-native.txt").read_text().splitlines()
    assert {str(pin) for pin in pins} == {line for line in tested if not line.startswith("#")}
