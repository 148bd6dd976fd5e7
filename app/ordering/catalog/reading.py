"""From a catalog file to its records, with every problem and where it is.

Files are read piece by piece: a line of NDJSON, an element of a YAML list, a slice of the JSON
text. So memory follows the size of a record; only the text of a JSON or YAML file is held whole.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from ordering.catalog.checks import check
from ordering.catalog.document import KINDS, Record
from ordering.catalog.findings import Findings
from ordering.catalog.shape import child, name_of, read_number, read_part
from ordering.catalog.yaml_events import YamlError, read_yaml
from ordering.domain.ids import parse_id

__all__ = ["Entry", "Format", "read_entries"]

_MIB = 1024 * 1024
_LISTS: Mapping[str, type[Record]] = {kind.LIST: kind for kind in KINDS.values()}

_slices = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw] | None)
_untyped = msgspec.json.Decoder(float_hook=read_number)


class Entry(NamedTuple):
    """One record of a file, and where it stands.

    A record that is wrong is None, but its names are told, so that what refers to it is not
    reported too. `offset` is how much of the file was read up to it.
    """

    kind: type[Record]
    record: Record | None
    id: str | None
    external_id: str | None
    pointer: str
    line: int | None
    lines: Mapping[str, int]
    offset: int

    def line_of(self, pointer: str) -> int | None:
        """Tell the line of a member, by its pointer from the record."""
        while pointer not in self.lines and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, self.line)


class Format(NamedTuple):
    """How files with certain endings are read, and how large they may be."""

    read: Callable[[Path, int, Findings], Iterator[Entry]]
    max_bytes: int


def read_entries(path: Path, findings: Findings) -> Iterator[Entry]:
    """Read a file; its problems go to `findings`."""
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        findings.note_unreadable(f"Expected a file ending in {', '.join(sorted(FORMATS))}")
        return
    empty = True
    try:
        if path.stat().st_size > form.max_bytes:
            findings.note_unreadable(f"Expected at most {form.max_bytes:,} bytes")
            return
        for entry in form.read(path, form.max_bytes, findings):
            empty = False
            yield entry
    except OSError as error:
        findings.note_unreadable(f"Cannot be read: {error.strerror or error}")
    if empty and not findings.total:
        findings.note("The file holds no records")


# -- NDJSON ----------------------------------------------------------------------------------------
_MAX_LINE = _MIB


def _read_ndjson(path: Path, max_bytes: int, findings: Findings) -> Iterator[Entry]:
    offset = 0
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE + 1), b""), 1):
            offset += len(line)
            if offset > max_bytes:
                findings.note_unreadable(f"Expected at most {max_bytes:,} bytes", line=number)
                return
            if len(line) > _MAX_LINE:
                text = f"Expected at most {_MAX_LINE:,} bytes in a line"
                findings.note_unreadable(text, line=number)
                return
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if text.strip():
                yield from _ndjson_line(text, number, offset, findings)


def _ndjson_line(line: bytes, number: int, offset: int, findings: Findings) -> Iterator[Entry]:
    try:
        value: object = _untyped.decode(line)
    except _DECODE_ERRORS as error:
        findings.note_unreadable(_say(error), line=number)
        return
    if not isinstance(value, dict):
        findings.note_unreadable(f"Expected an object, got {name_of(value)}", line=number)
        return
    tag = cast("dict[str, object]", value).get("@type")
    kind = KINDS.get(tag) if isinstance(tag, str) else None
    if kind is None:
        findings.note_unreadable(f"Expected one of {', '.join(KINDS)}", "/@type", number)
        return
    yield _entry(kind, cast("object", value), "", number, {}, offset, findings)


# -- JSON ------------------------------------------------------------------------------------------
def _read_json(path: Path, max_bytes: int, findings: Findings) -> Iterator[Entry]:
    text = _read_whole(path, max_bytes).removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        return
    try:
        lists = _slices.decode(text)
    except _DECODE_ERRORS as error:
        findings.note_unreadable(_say(error), line=_json_line(error, text))
        return
    offset = 0
    for name, raw in lists.items():
        kind = _LISTS.get(name)
        if kind is None:
            findings.note_unreadable(f"Expected one of {', '.join(_LISTS)}", child("", name))
            continue
        try:
            elements = _elements.decode(raw) or ()
        except msgspec.ValidationError:
            got = name_of(_untyped.decode(raw))
            findings.note_unreadable(f"Expected an array, got {got}", child("", name))
            continue
        for index, element in enumerate(elements):
            pointer = child(child("", name), index)
            offset += len(memoryview(element))
            try:
                value = _untyped.decode(element)
            except _DECODE_ERRORS as error:
                findings.note_unreadable(_say(error), pointer)
                continue
            yield _entry(kind, value, pointer, None, {}, offset, findings)


def _json_line(error: Exception, text: bytes) -> int | None:
    found = re.search(r"\(byte (\d+)\)", str(error))
    return text.count(b"\n", 0, int(found[1])) + 1 if found else None


# -- YAML ------------------------------------------------------------------------------------------
def _read_yaml(path: Path, max_bytes: int, findings: Findings) -> Iterator[Entry]:
    whole = _read_whole(path, max_bytes)
    try:
        text = whole.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = whole.count(b"\n", 0, error.start) + 1
        findings.note_unreadable(_say(error), line=line)
        return

    def note(pointer: str, message: str, line: int) -> None:
        findings.note_unreadable(message, pointer, line)

    try:
        for item in read_yaml(text, _LISTS, note):
            kind = _LISTS[item.list_name]
            pointer = child(child("", item.list_name), item.position)
            line = item.lines[""]
            yield _entry(kind, item.value, pointer, line, item.lines, item.offset, findings)
    except YamlError as error:
        findings.note_unreadable(error.message, line=error.line)


# -- what they share -------------------------------------------------------------------------------
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


def _read_whole(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as stream:
        # Bounded even if the file grows, or is no ordinary one and has no size.
        text = stream.read(max_bytes + 1)
    if len(text) > max_bytes:
        raise OSError(f"Expected at most {max_bytes:,} bytes")
    return text


def _entry(
    kind: type[Record],
    value: object,
    pointer: str,
    line: int | None,
    lines: Mapping[str, int],
    offset: int,
    findings: Findings,
) -> Entry:
    record, defects = read_part(kind, value)
    if record is not None:
        defects = list(check(record))
    names = _names(value) if record is None else (record.id, record.external_id)
    entry = Entry(kind, None if defects else record, *names, pointer, line, lines, offset)
    for defect in defects:
        findings.note(defect.message, pointer + defect.pointer, entry.line_of(defect.pointer))
    return entry


def _names(value: object) -> tuple[str | None, str | None]:
    """Find out how a record that is wrong is called, as far as that can be told."""
    members = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    identity, external_id = members.get("id"), members.get("externalId")
    return (
        identity if isinstance(identity, str) and parse_id(identity) else None,
        external_id
        if isinstance(external_id, str) and len(external_id) <= 255 and "\0" not in external_id
        else None,
    )


def _say(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"Not UTF-8: {error.reason}"
    if isinstance(error, RecursionError):
        return "Nested too deep"
    text = str(error).split(" - at `")[0].replace("`", "")
    return f"Not valid JSON: {text.removeprefix('JSON is malformed: ')}"


FORMATS: dict[str, Format] = {
    ".yaml": Format(_read_yaml, 16 * _MIB),
    ".yml": Format(_read_yaml, 16 * _MIB),
    ".json": Format(_read_json, 64 * _MIB),
    ".ndjson": Format(_read_ndjson, 1024 * _MIB),
    ".jsonl": Format(_read_ndjson, 1024 * _MIB),
}
