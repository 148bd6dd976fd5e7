"""Reading YAML record by record, with the line of every member.

Built on the parser's events and not on PyYAML's loaders, which make one tree of the whole
document, forget the lines, expand aliases without bound, and take `no`, `010` or `2024-01-01`
for something other than text. Here a plain scalar is what JSON would take it for, else a string;
aliases and tags are refused.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple, cast

import yaml

from ordering.catalog.shape import MAX_NESTING, child, name_of, read_number

__all__ = ["YamlError", "YamlItem", "read_yaml"]

# libyaml's parser is twenty times faster; a PyYAML built without it has only its own.
_LOADER = cast("Any", yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)

_parse = cast("Callable[..., Iterator[Any]]", yaml.parse)  # pyright: ignore[reportUnknownMemberType] - the stub leaves its stream untyped

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}

#: Takes the pointer and the line of a problem, and what it is.
Note = Callable[[str, str, int], None]


class YamlItem(NamedTuple):
    """An element of a list of the document.

    `lines` tells the line of each member, by its pointer from the element.
    """

    list_name: str
    position: int
    value: object
    lines: dict[str, int]
    offset: int


class YamlError(Exception):
    """The document cannot be read further."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read_yaml(text: str, names: Collection[str], note: Note) -> Iterator[YamlItem]:
    """Read a mapping of names to lists, element by element. Raises `YamlError`."""
    try:
        yield from _Composer(_parse(text, Loader=_LOADER), names, note).elements()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"Not valid YAML: {error.problem}", line) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(f"Not valid YAML: {error.reason}", line) from error


class _Composer:
    """Makes values of events."""

    def __init__(self, events: Iterator[Any], names: Collection[str], note: Note) -> None:
        self._events = events
        self._names = names
        self._note = note
        self._lines: dict[str, int] = {}
        self._at = ""

    def elements(self) -> Iterator[YamlItem]:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return
        event = next(self._events)
        if isinstance(event, yaml.MappingStartEvent):
            self._no_tag(event)
            yield from self._lists()
        else:
            value = self._value(event, "", 0)
            if value is not None:
                self._note("", f"Expected a mapping of lists, got {name_of(value)}", _line(event))
        next(self._events)  # the end of the document
        end = next(self._events)
        if not isinstance(end, yaml.StreamEndEvent):
            raise YamlError("Expected a single document", _line(end))

    def _lists(self) -> Iterator[YamlItem]:
        seen: set[str] = set()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._at = ""
            line = _line(event)
            name = self._key(event, "", seen)
            event = next(self._events)
            if name not in self._names:
                self._note(child("", name), f"Expected one of {', '.join(self._names)}", line)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._no_tag(event)
                yield from self._list(name)
                continue
            value = self._value(event, "", 0)
            if value is not None and name in self._names:
                self._note(child("", name), f"Expected an array, got {name_of(value)}", line)

    def _list(self, name: str) -> Iterator[YamlItem]:
        index = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._lines = {}
            self._at = child(child("", name), index)
            value = self._value(event, "", 0)
            yield YamlItem(name, index, value, self._lines, event.start_mark.index)
            index += 1

    def _key(self, event: Any, pointer: str, seen: set[str]) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise YamlError("Expected a name", _line(event))
        name = cast("str", event.value)
        if name in seen:
            at = child(self._at + pointer, name)
            self._note(at, "The name is given twice", _line(event))
        seen.add(name)
        return name

    def _value(self, event: Any, pointer: str, depth: int) -> object:
        self._lines[pointer] = _line(event)
        if depth > MAX_NESTING:
            raise YamlError(f"Nested deeper than {MAX_NESTING} levels", _line(event))
        if isinstance(event, yaml.AliasEvent):
            raise YamlError("Aliases are not supported", _line(event))
        self._no_tag(event)
        if isinstance(event, yaml.ScalarEvent):
            # Only a plain scalar is implicit in the first sense; a quoted one is text.
            return _scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._array(pointer, depth)
        return self._object(pointer, depth)

    def _array(self, pointer: str, depth: int) -> list[object]:
        values: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, child(pointer, len(values)), depth + 1))
        return values

    def _object(self, pointer: str, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        seen: set[str] = set()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            at = _line(event)
            name = self._key(event, pointer, seen)
            values[name] = self._value(next(self._events), child(pointer, name), depth + 1)
            self._lines[child(pointer, name)] = at
        return values

    def _no_tag(self, event: Any) -> None:
        if event.tag is not None:
            raise YamlError("Tags are not supported", _line(event))


def _scalar(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if not _NUMBER.fullmatch(text):
        return text
    number = read_number(text)
    # A whole number written as one; longer ones stay decimals, and are refused as too long.
    return int(text) if text.lstrip("-").isdigit() and len(text) < 300 else number


def _line(event: Any) -> int:
    return event.start_mark.line + 1
