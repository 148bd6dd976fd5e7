"""`docs/states.md` shows the tables that the code runs on."""

from support.state_page import PAGE, fill


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == fill(PAGE.read_text())
