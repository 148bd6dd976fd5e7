"""Nothing in the repository tells where it was built, or whence its packages came."""

import re

import pytest

from support.sources import ROOT, sources

# Each pattern is written so that it does not match its own text.
LEAKS = {
    "a folder of a build machine": re.compile(
        r"(?<![\w.<])(?:/(?:home|Users)/\w[\w.-]*/|/(?:roo[t]|wor[k]|workspac[e])/)|[A-Z]:\\+User[s]\\"
    ),
    "the address of a package index": re.compile(
        r"\b(?:[\w-]+\.)?(?:pypi\.(?:org|io|python\.org)|pythonhosted\.org|npmjs\.(?:org|com))\b"
        r"|https?://[^\s\"'<>]+/(?:simpl[e]|artifactor[y]|npm-prox[y])\b"
    ),
    "an option that names a package index": re.compile(
        r"(?<!\w)(?:--(?:extra-)?index-ur[l]|--find-link[s]|--trusted-hos[t])[ =]+[^\s\"'`,)\]]"
        r"|\bPIP_(?:EXTRA_)?INDEX_UR[L]\s*="
        r"|^\s*(?:extra-)?index-ur[l]\s*="
        r"|\[\[?tool\.uv\.inde[x]",
        re.MULTILINE,
    ),
    "a password in an address": re.compile(r"\bhttps?://[^\s/:@\"'{}]+:[^\s/@\"'{}$]+@[\w.-]"),
}


def leaks(text: str) -> list[tuple[str, str]]:
    """List what a text gives away: kind and finding."""
    return [(kind, found[0]) for kind, leak in LEAKS.items() for found in leak.finditer(text)]


def text_of(path: str) -> str:
    """Read a file as text, whatever it is."""
    return (ROOT / path).read_bytes().decode("utf-8", errors="replace")


def test_no_file_gives_anything_away() -> None:
    paths = sources()
    assert "pyproject.toml" in paths
    found = {path: leaks(path + "\n" + text_of(path)) for path in paths}
    assert {path: each for path, each in found.items() if each} == {}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("a folder of a build machine", "see /home", "/mary/checkout"),
        ("a folder of a build machine", "see /Users", "/mary/checkout"),
        ("a folder of a build machine", 'File "/roo', 't/checkout"'),
        ("a folder of a build machine", "cd /wor", "k/checkout"),
        ("a folder of a build machine", "C:\\User", "s\\mary"),
        ("the address of a package index", "https://py", "pi.org/project/x"),
        ("the address of a package index", "files.python", "hosted.org"),
        ("the address of a package index", "https://packages.example/simpl", "e/x"),
        ("an option that names a package index", "pip install --index-ur", "l=mirror x"),
        ("an option that names a package index", "uv --find-link", "s wheels"),
        ("an option that names a package index", "PIP_INDEX_UR", "L=mirror"),
        ("an option that names a package index", "[global]\nindex-ur", "l = mirror"),
        ("a password in an address", "https://mary:secr", "et@packages.example/x"),
    ],
)
def test_each_kind_of_leak_is_seen(kind: str, before: str, after: str) -> None:
    assert [each for each, _ in leaks(before + after)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "uv pip compile --generate-hashes --no-emit-index-url --no-header",
        "pip install --no-index --no-deps dist/x.whl",
        "postgresql://ordering:${POSTGRES_PASSWORD}@postgres:5432/ordering",
        "framework/x.py and ./network/x.py and artwork/x",
        "http://{username}:{password}@host/",
        "See https://litestar.dev/ for more.",
    ],
)
def test_innocent_text_is_let_through(text: str) -> None:
    assert leaks(text) == []
