"""Help, man page and completions come from the one table, and name each option."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hyper.cli import exit_codes
from hyper.cli.generating import generated
from hyper.cli.help import exit_rows, long_help, short_help
from hyper.cli.options import OPTIONS

FLAGS = [flag for option in OPTIONS for flag in option.flags]


@pytest.mark.parametrize("make", [short_help, long_help])
def test_the_helps_name_each_option_and_fit_a_screen(make):
    text = make()
    assert [flag for flag in FLAGS if not re.search(rf"(?m)^ .*{re.escape(flag)}\b", text)] == []
    assert max(map(len, text.split("\n"))) <= 92


@pytest.mark.parametrize("what", ["bash", "zsh", "fish", "powershell", "man", "rst"])
def test_what_is_generated_names_each_option(what):
    text = generated(what).replace("\\-", "-")
    for option in OPTIONS:
        for flag in option.flags:
            shown = (
                flag
                if what != "fish"
                else re.sub("^--?", lambda m: "-" + " sl"[len(m[0])] + " ", flag)
            )
            assert shown in text, flag


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_reads_its_completion(shell):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not here")
    done = subprocess.run(
        [program, "-n"], input=generated(shell), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_values_and_options():
    program = shutil.which("bash")
    if program is None:
        pytest.skip("bash is not here")
    script = generated("bash") + (
        "COMP_WORDS=(hyper --color a); COMP_CWORD=2; _hyper; echo ${COMPREPLY[@]};"
        "COMP_WORDS=(hyper --require-h); COMP_CWORD=1; _hyper; echo ${COMPREPLY[@]}"
    )
    done = subprocess.run([program], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["auto always", "--require-http2"]


def test_roff_reads_the_man_page():
    program = shutil.which("man") and shutil.which("groff")
    if program is None:
        pytest.skip("groff is not here")
    done = subprocess.run(
        [program, "-man", "-Tutf8", "-ww"],
        input=generated("man"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_exit_codes_of_the_table_are_those_of_the_module():
    told = {int(code) for code, _ in exit_rows()}
    named = {
        value
        for name, value in vars(exit_codes).items()
        if name.isupper() and isinstance(value, int)
    }
    assert named <= told
    assert told - named == {0, 3, 4, 5}


@pytest.mark.parametrize(("what", "name"), [("rst", "command-options.rst"), ("man", "hyper.1")])
def test_the_reference_in_the_docs_is_the_one_that_is_generated(what, name):
    page = Path(__file__).parents[3] / "docs" / name
    assert page.read_text("utf-8") == generated(what), f"hyper --generate {what} > {page}"


def test_each_picture_is_on_the_page_and_is_made_by_the_tool():
    root = Path(__file__).parents[3]
    pictures = sorted(path.stem for path in (root / "docs").glob("command-*.svg"))
    page = (root / "docs" / "command.rst").read_text("utf-8")
    tool = (root / "tools" / "make_command_pictures.py").read_text("utf-8")
    assert re.findall(r'(?m)^    "(command-\w+)"', tool) == re.findall(r"image:: (.*)\.svg", page)
    assert sorted(re.findall(r"image:: (.*)\.svg", page)) == pictures
