"""docs/settings.md lists the settings as the code describes them.

After a change of the settings run this test: its message is the table to put into the page.
"""

import re

from ordering.settings import Settings, describe
from support.sources import ROOT

PAGE = ROOT / "docs" / "settings.md"


def shown(default: object) -> str:
    """Show a default the way it would be written into the environment."""
    match default:
        case None:
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"


def expected_table() -> str:
    """Build the table of the page."""
    rows = [
        f"| `{each.variable}` | {shown(each.default)} | {each.description} |"
        for each in describe(Settings())
    ]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *rows])


def test_the_page_has_exactly_the_settings_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    expected = expected_table()
    assert table == expected, f"put this table into docs/settings.md:\n\n{expected}\n"


def test_the_page_speaks_of_no_other_variable() -> None:
    page = PAGE.read_text(encoding="utf-8")
    known = {each.variable for each in describe(Settings())}
    assert set(re.findall(r"\bORDERING_[A-Z0-9_]+\b", page)) == known


def test_every_setting_says_what_it_is_for() -> None:
    assert [each.variable for each in describe(Settings()) if not each.description] == []
    assert [each.variable for each in describe(Settings()) if "|" in each.description] == []
