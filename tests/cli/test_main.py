"""The command line as a user meets it: in a process of its own."""

import subprocess
import sys

import pytest


def curvox(*arguments):
    """Run the program; its exit code, standard output and standard error."""
    command = [sys.executable, "-c", "import sys; from curvox.cli import main; sys.exit(main())"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_command():
    result = curvox("--help")
    assert result.returncode == 0
    for command in ("info", "bench", "fit", "glyph", "demo"):
        assert command in result.stdout


def test_info_names_what_it_runs_on():
    result = curvox("info")
    assert result.returncode == 0, result.stderr
    for word in ("curvox", "torch", "CPU kernels", "threads", "GPU", "NVRTC"):
        assert word in result.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("fit", "no-such-file.png"), "no-such-file.png"),
        (("glyph", "a", "--font", "no-such-font.ttf"), "no-such-font.ttf"),
        (("bench", "curves", "--tests", "9"), "9"),
        (("bench", "curves", "--tests", "one"), "one"),
        (("bench", "curves", "--methods", "magic"), "magic"),
        (("bench", "curves", "--device", "abacus"), "abacus"),
        (("bench", "curves", "--passes", "0"), "passes"),
        (("bench", "curves", "--json", "no-such-folder/x.json"), "no-such-folder"),
        (("no-such-command",), "no-such-command"),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(arguments, word, tmp_path):
    result = curvox(*arguments)
    assert result.returncode == 2
    assert word in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback():
    result = curvox("fit", "no-such-file.png", "--debug")
    assert result.returncode != 0
    assert "Traceback" in result.stderr
