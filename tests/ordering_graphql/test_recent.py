"""What is kept of documents and plans: a number of them, and no more letters than there is room."""

from ordering_graphql.documents import Documents
from ordering_graphql.plan.compiler import Plan
from ordering_graphql.recent import Recent
from ordering_graphql.schema import NODE_SOURCES, make_schema


def kept(recent: Recent[str, int], keys: str) -> str:
    return "".join(key for key in keys if recent.find(key) is not None)


def test_what_was_not_used_for_the_longest_time_is_forgotten() -> None:
    recent: Recent[str, int] = Recent(most=2, weight=100)
    recent.keep("a", 1, 1)
    recent.keep("b", 2, 1)
    assert recent.find("a") == 1
    recent.keep("c", 3, 1)
    assert kept(recent, "abc") == "ac"


def test_so_many_are_forgotten_that_the_rest_has_room() -> None:
    recent: Recent[str, int] = Recent(most=10, weight=10)
    for key in "abc":
        recent.keep(key, 0, 3)
    recent.keep("d", 0, 5)
    assert kept(recent, "abcd") == "cd"
    recent.keep("e", 0, 2)
    assert kept(recent, "cde") == "cde"


def test_what_is_kept_again_weighs_once() -> None:
    recent: Recent[str, int] = Recent(most=10, weight=10)
    recent.keep("a", 0, 4)
    for _ in range(5):
        recent.keep("b", 0, 6)
    assert kept(recent, "ab") == "ab"


def test_what_is_too_heavy_alone_is_not_kept() -> None:
    recent: Recent[str, int] = Recent(most=10, weight=10)
    recent.keep("a", 0, 11)
    assert (recent.find("a"), len(recent)) == (None, 0)
    recent.keep("b", 0, 10)
    assert recent.find("b") == 0


def test_long_documents_push_others_out_before_there_are_many() -> None:
    documents = Documents(make_schema(), NODE_SOURCES, introspection=False)
    first = documents.operation("{ __typename }")
    assert documents.operation("{ __typename }") is first
    for number in range(10):
        documents.operation(f"{{ __typename }} #{number}" + "x" * 60_000)
    assert documents.operation("{ __typename }") is not first


def test_long_statements_push_others_out_before_there_are_many() -> None:
    documents = Documents(make_schema(), NODE_SOURCES, introspection=False)
    lists = " ".join(f"a{n}: orders(first: $n) {{ nodes {{ ...f }} }}" for n in range(10))
    operation = documents.operation(
        f"query ($n: Int) {{ {lists} }} fragment f on Order {{ lineItems {{ nodes {{ ...g }} }} }}"
        " fragment g on LineItem { requires { characteristics { name value extras } } }"
    )

    def plan(size: int) -> Plan:
        return documents.plan(operation, documents.variables(operation, {"n": size}))

    first = plan(0)
    assert plan(0) is first
    many = 8_000_000 // len(first.sql)
    assert many < 1_000
    for size in range(1, many + 1):
        plan(size)
    assert plan(0) is not first
