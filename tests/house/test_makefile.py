"""`make help` lists every command, and CI says the same words as a person."""

import re
import subprocess

from support.sources import ROOT


def test_help_lists_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"(?m)^\.PHONY: (.*)$", makefile)
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.findall(r"(?m)^  make ([a-z]+) +\S", shown) == phony.split()


def test_ci_runs_make_test() -> None:
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_the_readme_names_both_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "$ make up " in readme
    assert "$ make test " in readme
