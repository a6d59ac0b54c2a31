"""The tables in README and docs are what the committed bench says."""

import shutil
from pathlib import Path

import pytest

from curvox.bench.tables import fill, main
from curvox.errors import InputError

ROOT = Path(__file__).parents[2]


def test_documents_are_up_to_date(tmp_path):
    """Writing the tables again, in a copy, changes nothing."""
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    assert main(tmp_path) == []


def test_fill_replaces_what_stands_between_the_marks():
    text = "a\n<!-- bench:one -->\nold\n<!-- /bench -->\nb\n"
    filled = fill(text, {"one": "new"})
    assert filled == "a\n<!-- bench:one -->\n\nnew\n\n<!-- /bench -->\nb\n"
    assert fill(filled, {"one": "new"}) == filled


def test_unknown_tables_are_errors():
    with pytest.raises(InputError, match="two"):
        fill("<!-- bench:two -->\n<!-- /bench -->", {"one": "new"})
