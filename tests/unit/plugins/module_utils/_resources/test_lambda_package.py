"""The reproducible zip: what goes in, what is refused, and that nothing of the machine shows."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    InvalidInputError,
    LimitReachedError,
    ReflectorError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources import lambda_package
from ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_package import (
    LambdaPackage,
    Package,
    Source,
    archive,
    code_sha256,
    collect,
    contents,
    merged,
)
from hypothesis import given
from hypothesis import strategies as st

# Recorded once: it may never change, or every function in every account is uploaded again.
GOLDEN = {"handler.py": b"def handler(event, context):\n    return 1\n", "library/umlaut-\u00e4.txt": b"\x00\xff"}
GOLDEN_SHA256 = "gSHca9rhh3Edcm532706V6yvL7L4NHT1H89fKWjs+xU="


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def options(dest: Path, *sources: dict[str, str], **more):
    return {
        "dest": str(dest),
        "sources": [{"dest": "", **item} for item in sources],
        "exclude": ["tests"],
        "check_syntax": True,
        "requirements": None,
        **more,
    }


def test_the_bytes_are_those_that_were_recorded() -> None:
    assert code_sha256(archive(GOLDEN)) == GOLDEN_SHA256


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}", fullmatch=True), st.binary(max_size=64), min_size=1),
    st.randoms(),
)
def test_the_order_of_the_files_does_not_matter_and_all_can_be_read_back(
    files: dict[str, bytes], chance: random.Random
) -> None:
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


def test_times_permissions_and_locale_of_the_machine_do_not_matter(tmp_path: Path) -> None:
    files = {"b.py": "B = 1\n", "a/c.py": "C = 2\n", "Z.txt": "z"}
    one, other = tree(tmp_path / "one", files), tree(tmp_path / "other", dict(reversed(files.items())))
    os.utime(other / "b.py", (10**9, 10**9))
    (other / "a/c.py").chmod(0o755)
    built = [archive(contents(collect([Source(root)], []), check_syntax=True)) for root in (one, other)]
    assert built[0] == built[1]


def interpreters() -> list[str]:
    """This Python, and those of the supported versions that stand beside it and work."""
    found = [sys.executable]
    for minor in (11, 12, 13, 14):
        python = shutil.which(f"python3.{minor}")
        if python and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            found.append(python)
    return found


@pytest.mark.parametrize("python", interpreters())
def test_another_process_with_another_locale_zone_and_hash_seed_builds_the_same_bytes(python: str) -> None:
    package = "ansible_collections.logreflector.aws.plugins.module_utils._resources.lambda_package"
    code = f"from {package} import archive, code_sha256; print(code_sha256(archive({GOLDEN!r})))"
    environment = {"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith("build/collections"))
    done = subprocess.run(
        [python, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == (GOLDEN_SHA256, "")


def test_byte_code_hidden_names_and_tests_stay_out(tmp_path: Path) -> None:
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
    assert list(collect([Source(root)], ["tests"])) == ["handler.py", "sinks/__init__.py", "testing.py"]
    assert "tests/test_handler.py" in collect([Source(root)], [])
    assert list(collect([Source(root)], ["tests", "sinks/*", "testing.py"])) == ["handler.py"]


def test_a_file_that_is_named_itself_is_packed_whatever_it_is_called(tmp_path: Path) -> None:
    tree(tmp_path, {".hidden": "", "tests": ""})
    assert list(collect([Source(tmp_path / ".hidden"), Source(tmp_path / "tests")], ["tests"])) == [".hidden", "tests"]


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
def test_where_a_source_stands_in_the_zip(tmp_path: Path, src: str, dest: str, name: str) -> None:
    tree(tmp_path, {"one.py": "", "folder/two.py": ""})
    assert list(collect([Source(tmp_path / src, dest)], [])) == [name]


def test_two_sources_of_one_name_are_refused_with_both(tmp_path: Path) -> None:
    tree(tmp_path, {"one/handler.py": "", "other/handler.py": ""})
    with pytest.raises(
        InvalidInputError, match=r"handler\.py would come from both .*one/handler\.py and .*other/handler\.py"
    ):
        collect([Source(tmp_path / "one"), Source(tmp_path / "other")], [])


def test_a_name_that_is_file_and_folder_is_refused(tmp_path: Path) -> None:
    tree(tmp_path, {"a.py": "", "folder/b.py": ""})
    with pytest.raises(InvalidInputError, match=r"library would be a file .* and a folder"):
        collect([Source(tmp_path / "a.py", "library"), Source(tmp_path / "folder", "library")], [])


def test_sources_and_wheels_stand_side_by_side_sorted() -> None:
    files = merged({"handler.py": b"h", "z/a.py": b"z"}, {"orjson/__init__.py": b"o"}, Path("native.txt"))
    assert list(files.items()) == [("handler.py", b"h"), ("orjson/__init__.py", b"o"), ("z/a.py", b"z")]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("orjson/__init__.py", r"orjson/__init__\.py would come from both a source and a wheel of native\.txt"),
        ("orjson", r"orjson would be a file \(from a source\) and a folder \(from a wheel of native\.txt\)"),
        ("orjson/__init__.py/x", r"__init__\.py would be a file \(from a wheel of native\.txt\) and a folder"),
    ],
)
def test_a_source_in_the_place_of_a_wheel_s_file_is_refused(inside: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        merged({inside: b""}, {"orjson/__init__.py": b""}, Path("native.txt"))


def test_a_missing_source_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as failure:
        collect([Source(tmp_path / "nowhere")], [])
    assert str(failure.value) == f"Could not accept the option sources: {tmp_path}/nowhere does not exist."


def test_sources_without_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no file is in them"):
        collect([Source(tree(tmp_path, {".hidden": ""}))], [])


def test_links_are_followed_and_circles_refused(tmp_path: Path) -> None:
    tree(tmp_path, {"real/module.py": "", "package/handler.py": ""})
    (tmp_path / "package/linked").symlink_to(tmp_path / "real")
    assert list(collect([Source(tmp_path / "package")], [])) == ["handler.py", "linked/module.py"]
    (tmp_path / "real/back").symlink_to(tmp_path / "package")
    with pytest.raises(InvalidInputError, match="leads back"):
        collect([Source(tmp_path / "package")], [])


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    with pytest.raises(InvalidInputError, match="leads nowhere"):
        collect([Source(tmp_path)], [])


@pytest.mark.parametrize("dest", ["/etc", "../outside", "a/../../b", "a\\b"])
def test_a_dest_outside_the_package_is_refused(tmp_path: Path, dest: str) -> None:
    with pytest.raises(InvalidInputError, match="not a path inside"):
        LambdaPackage(None, options(tmp_path / "x.zip", {"src": str(tmp_path), "dest": dest}))


@pytest.mark.parametrize(
    ("text", "place"),
    [("def broken(:\n", "line 1, column"), ("x = 1\nreturn x\n", "line 2, column 1"), ("x = 1\n  y = 2\n", "line 2")],
)
def test_python_that_does_not_compile_is_refused_with_the_place(tmp_path: Path, text: str, place: str) -> None:
    root = tree(tmp_path, {"handler.py": text})
    files = collect([Source(root)], [])
    with pytest.raises(ReflectorError, match=rf"handler\.py: it does not compile at {place}"):
        contents(files, check_syntax=True)
    assert contents(files, check_syntax=False) == {"handler.py": text.encode()}


def test_null_bytes_in_python_are_refused(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_bytes(b"x = 1\0\n")
    with pytest.raises(ReflectorError, match="does not compile"):
        contents(collect([Source(tmp_path)], []), check_syntax=True)


def test_only_python_is_compiled(tmp_path: Path) -> None:
    assert contents(collect([Source(tree(tmp_path, {"data.txt": "def broken(:"}))], []), check_syntax=True)


def test_a_package_that_lambda_does_not_take_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_package, "LARGEST_PACKAGE", 1000)
    tree(tmp_path, {"a.bin": "x" * 600, "b.bin": "x" * 600})
    with pytest.raises(LimitReachedError, match="at least 1200 bytes, and Lambda takes 1000"):
        contents(collect([Source(tmp_path)], []), check_syntax=True)
    with pytest.raises(LimitReachedError, match="build the package"):
        archive({"a.bin": b"x" * 990})


def test_the_limit_is_aws_s_50_mb() -> None:
    assert lambda_package.LARGEST_PACKAGE == 52_428_800


def test_the_hash_is_that_of_lambda() -> None:
    assert code_sha256(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert Package.from_zip(archive({"a": b"a"})).files == {"a": hashlib.sha256(b"a").hexdigest()[:12]}


@given(st.binary(max_size=200))
def test_whatever_stands_at_dest_can_be_compared(data: bytes) -> None:
    assert Package.from_zip(data).files == {}


def test_the_writer_leaves_no_temporary_file_when_it_fails(tmp_path: Path) -> None:
    root = tree(tmp_path / "source", {"handler.py": ""})
    (tmp_path / "x.zip").mkdir()
    package = LambdaPackage(None, options(tmp_path / "x.zip", {"src": str(root)}))
    (change,) = package.plan(None)
    with pytest.raises(ReflectorError, match=r"Could not write the package .*x\.zip"):
        package.apply(change)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "x.zip"]
