"""Files appear whole or not at all."""

from __future__ import annotations

import json
import stat

import pytest

from curvox.files import make_folder, write_json, write_text, writing


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail():
        with writing(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_name_keeps_the_suffix_and_the_folder(tmp_path):
    with writing(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        assert not (tmp_path / "picture.png").exists()


def test_files_are_readable_by_others_as_usual(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")]
    assert modes[0] == modes[1]


def test_json_and_folders(tmp_path):
    folder = make_folder(tmp_path / "a" / "b")
    assert make_folder(folder) == folder
    write_json(folder / "x.json", {"é": [1, None]})
    assert json.loads((folder / "x.json").read_text(encoding="utf-8")) == {"é": [1, None]}
    assert "é" in (folder / "x.json").read_text(encoding="utf-8")
