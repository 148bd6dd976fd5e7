"""The shape of the sources: sizes, docstrings, suppressions, and the name trap of `graphql/`.

See docs/decisions/0001-source-roots.md for the last.
"""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from support.sources import MIGRATIONS, ROOT, python_sources

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60

#: Suppressed findings, by kind. Lower a number when one is mended; raising one needs a reason
#: that convinces a reviewer.
SUPPRESSIONS = {"noqa": 14, "pyright: ignore": 6, "type: ignore": 0}

_SUPPRESSION = re.compile(r"#\s*(noqa|pyright:\s*ignore|type:\s*ignore)\b")
_WITH_REASON = re.compile(
    r"#\s(?:noqa: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*|pyright: ignore\[\w+(?:, \w+)*\]) - \S"
)


def measured_sources() -> list[str]:
    """List the Python files that people keep by hand."""
    return [path for path in python_sources() if not path.startswith(MIGRATIONS)]


def read(path: str) -> str:
    """Read a file, named from the top of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def suppressions() -> Iterator[tuple[str, str, str]]:
    """Find comments that silence a tool: place, kind, and the comment."""
    for path in measured_sources():
        for token in tokenize.generate_tokens(io.StringIO(read(path)).readline):
            if token.type == tokenize.COMMENT:
                for found in _SUPPRESSION.finditer(token.string):
                    kind = re.sub(r":\s*", ": ", found[1])
                    yield f"{path}:{token.start[0]}", kind, token.string[found.start() :]


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python at the top of the repository, which thereby is on its `sys.path`."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONSAFEPATH" and not name.startswith(("COVERAGE_", "COV_CORE_", "PYTEST_"))
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )


def test_files_are_short() -> None:
    lines = {path: len(read(path).splitlines()) for path in measured_sources()}
    assert lines
    assert {path: n for path, n in lines.items() if n > MOST_LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    lines = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in measured_sources()
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert lines
    assert {place: n for place, n in lines.items() if n > MOST_LINES_OF_A_FUNCTION} == {}


def test_every_package_says_what_it_is_for() -> None:
    packages = [path for path in python_sources() if path.endswith("/__init__.py")]
    assert packages
    assert [path for path in packages if not ast.get_docstring(ast.parse(read(path)))] == []


def test_every_suppression_has_a_reason() -> None:
    bare = [f"{place} {text}" for place, _, text in suppressions() if not _WITH_REASON.match(text)]
    assert bare == []


def test_suppressions_become_fewer() -> None:
    counted = Counter(kind for _, kind, _ in suppressions())
    assert dict(counted) == {kind: most for kind, most in SUPPRESSIONS.items() if most}


@pytest.mark.parametrize("folder", ["graphql", "tests/graphql"])
def test_no_folder_called_graphql_is_a_package(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def test_graphql_is_graphql_core_even_from_the_top_of_the_repository() -> None:
    place = distribution("graphql-core").locate_file("graphql/__init__.py")
    for path in ("", "tests"):
        program = (
            f"import sys; sys.path.insert(0, {path!r}); import graphql; print(graphql.__file__)"
        )
        done = run_python("-c", program)
        assert (done.returncode, done.stderr) == (0, "")
        assert Path(done.stdout.strip()).samefile(Path(str(place)))


def test_pytest_runs_as_a_module_from_the_top_of_the_repository() -> None:
    done = run_python("-m", "pytest", "--collect-only", "-q", "tests/house/test_leaks.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^\d+ tests? collected in ", done.stdout, re.MULTILINE)
