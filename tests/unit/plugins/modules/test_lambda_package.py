"""Conversations: the module run whole, in this process."""

from __future__ import annotations

import multiprocessing
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from internal_resources import LAMBDA_PACKAGE as SPEC


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "handler.py").write_text("def handler(event, context):\n    return 1\n")
    return folder


def build(dest: Path, *sources: dict[str, str], check_mode: bool = False, **more: Any) -> dict[str, Any]:
    return perform_in_process(SPEC, {"dest": str(dest), "sources": list(sources), **more}, check_mode=check_mode)


def test_the_rhythm(tmp_path: Path, source: Path) -> None:
    dest = tmp_path / "build" / "reflector.zip"
    item = {"src": str(source)}
    checked = build(dest, item, check_mode=True)
    assert checked["changed"]
    assert not dest.parent.exists()

    built = build(dest, item)
    assert built["changes"] == checked["changes"] == [f"create package {dest}"]
    assert built["code_sha256"] == checked["code_sha256"]
    assert built["size"] == dest.stat().st_size
    assert built["files"] == ["handler.py"]
    assert zipfile.ZipFile(dest).namelist() == ["handler.py"]
    assert dest.stat().st_mode & 0o777 == 0o644

    written = dest.stat().st_mtime_ns
    again = build(dest, item)
    assert not again["changed"]
    assert dest.stat().st_mtime_ns == written

    (source / "handler.py").write_text("def handler(event, context):\n    return 2\n")
    updated = build(dest, item)
    assert updated["changes"] == [f"update package {dest}"]
    assert updated["code_sha256"] != built["code_sha256"]
    (diff,) = updated["diff"]
    assert diff["before"]["code_sha256"] == built["code_sha256"]
    assert diff["before"]["files"].keys() == diff["after"]["files"].keys()
    assert list(dest.parent.iterdir()) == [dest]


def test_something_else_at_dest_is_replaced(tmp_path: Path, source: Path) -> None:
    dest = tmp_path / "reflector.zip"
    dest.write_text("no zip")
    assert build(dest, {"src": str(source)})["changed"]
    assert zipfile.is_zipfile(dest)


def test_the_order_of_the_sources_does_not_matter(tmp_path: Path, source: Path) -> None:
    (tmp_path / "more.py").write_text("")
    sources = [{"src": str(source)}, {"src": str(tmp_path / "more.py"), "dest": "library/"}]
    one = build(tmp_path / "one.zip", *sources)
    other = build(tmp_path / "other.zip", *reversed(sources))
    assert one["code_sha256"] == other["code_sha256"]


def test_broken_python_is_never_written(tmp_path: Path, source: Path) -> None:
    (source / "handler.py").write_text("def handler(event, context:\n")
    failed = build(tmp_path / "x.zip", {"src": str(source)})
    assert failed["failed"]
    assert "handler.py: it does not compile at line 1" in failed["msg"]
    assert not (tmp_path / "x.zip").exists()


def test_a_missing_source_fails_in_check_mode_too(tmp_path: Path) -> None:
    failed = build(tmp_path / "x.zip", {"src": str(tmp_path / "nowhere")}, check_mode=True)
    assert failed["msg"] == f"Could not accept the option sources: {tmp_path}/nowhere does not exist."


@pytest.mark.parametrize("given", [{}, {"runtime": "python3.13"}, {"architecture": "arm64"}])
def test_wheels_need_a_platform(tmp_path: Path, source: Path, given: dict[str, str]) -> None:
    failed = build(tmp_path / "x.zip", {"src": str(source)}, requirements=str(tmp_path / "native.txt"), **given)
    assert failed["msg"].startswith("missing parameter(s) required by 'requirements': ")


def test_without_requirements_the_platform_does_not_matter(tmp_path: Path, source: Path) -> None:
    plain = build(tmp_path / "x.zip", {"src": str(source)})
    named = build(tmp_path / "x.zip", {"src": str(source)}, runtime="python3.12", architecture="x86_64")
    assert not named["changed"]
    assert named["code_sha256"] == plain["code_sha256"]


def test_a_folder_at_dest_is_one_sentence(tmp_path: Path, source: Path) -> None:
    failed = build(tmp_path, {"src": str(source)})
    assert failed["msg"] == f"Could not read the package {tmp_path}: Is a directory."


def _build_often(dest: str, source: str) -> None:
    for _unused in range(20):
        result = build(Path(dest), {"src": source})
        assert not result.get("failed"), result["msg"]
        assert zipfile.ZipFile(dest).testzip() is None


def test_several_forks_build_at_once(tmp_path: Path, source: Path) -> None:
    dest = tmp_path / "reflector.zip"
    context = multiprocessing.get_context("fork")
    forks = [context.Process(target=_build_often, args=(str(dest), str(source))) for _unused in range(4)]
    for fork in forks:
        fork.start()
    for fork in forks:
        fork.join(60)
    assert [fork.exitcode for fork in forks] == [0, 0, 0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reflector.zip", "source"]
