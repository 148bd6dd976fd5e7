"""The query page: there in development, whole, and with nothing that runs but its script."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from graphql import parse, validate

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from ordering_graphql.schema import make_schema
from support.api import PASSWORD, Api, running_api
from support.sources import ROOT

AUTH = (Role.ORDER_VIEWER.value, PASSWORD)
FOLDER = ROOT / "graphql/ordering_graphql/page"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Seen(HTMLParser):
    """What a page has: ids, what it loads, and whatever would run or look without a file."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        members = dict(attrs)
        self.ids |= {value for name, value in attrs if name == "id" and value}
        self.loaded += [value for name, value in attrs if name in ("src", "href") and value]
        self.inline += [name for name in members if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in members):
            self.inline.append(tag)


@pytest.fixture
def seen() -> Seen:
    parser = Seen()
    parser.feed((FOLDER / "index.html").read_text(encoding="utf-8"))
    return parser


async def test_a_browser_gets_the_page_in_development(api: Api, seen: Seen) -> None:
    response = await api.http.get("/graphql", headers=BROWSER, auth=AUTH)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.content == (FOLDER / "index.html").read_bytes()
    assert response.headers["content-security-policy"] == POLICY
    for path in seen.loaded:
        if not path.startswith("data:"):
            asset = await api.http.get(path)
            assert asset.status_code == 200
            assert asset.headers["content-security-policy"] == POLICY
            assert asset.content == (FOLDER / path.rpartition("/")[2]).read_bytes()


async def test_the_browser_asks_for_a_password_first(api: Api) -> None:
    response = await api.http.get("/graphql", headers=BROWSER)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/graphql-response+json"])
async def test_a_program_gets_no_page(api: Api, accept: str) -> None:
    asked = {"query": "{ __typename }"}
    response = await api.http.get("/graphql", params=asked, headers={"Accept": accept}, auth=AUTH)
    assert response.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("name", ["__init__.py", "index.html", "..%2Fschema.py", "x"])
async def test_nothing_else_is_served(api: Api, name: str) -> None:
    assert (await api.http.get(f"/graphql/assets/{name}")).status_code == 404


async def test_outside_of_development_there_are_no_files(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with running_api(
        demo_database, demo_url, servers.redis_url, development=False
    ) as production:
        assert (await production.http.get("/graphql/assets/page.js")).status_code == 404


def test_the_page_loads_its_own_files_only(seen: Seen) -> None:
    assert sorted(seen.loaded) == ["/graphql/assets/page.css", "/graphql/assets/page.js", "data:,"]
    assert seen.inline == []


def test_the_script_uses_what_the_page_has(seen: Seen) -> None:
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    used = set(re.findall(r'part\("(\w+)"\)', script))
    assert used | {"variables", "headers"} == seen.ids
    for dangerous in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
        assert dangerous not in script


def test_its_documents_are_valid() -> None:
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    type_fields = re.search(r'const TYPE = "(.*)";', script)
    documents = re.findall(r"const (?:START|INTROSPECTION) = `(.*?)`;", script, re.DOTALL)
    assert type_fields
    assert len(documents) == 2
    for text in documents:
        document = parse(text.replace("${TYPE}", type_fields[1]))
        assert validate(make_schema(), document) == []


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_is_javascript() -> None:
    checked = subprocess.run(
        ["node", "--check", str(FOLDER / "page.js")], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode()
