"""How findings about shape are worded and placed, for orders and reference data alike."""

__all__ = ["MOST_SHOWN", "escape", "name", "say"]

#: How many problems are shown of one payload or file; further ones are counted.
MOST_SHOWN = 500

_NAMES = {
    "`str`": "a string",
    "`bool`": "true or false",
    "`int`": "a whole number",
    "`float`": "a number",
    "`decimal`": "a number",
    "`array`": "an array",
    "`object`": "an object",
    "`null`": "null",
}


def say(error: Exception) -> str:
    """Say msgspec's finding in JSON's words; the pointer tells the place."""
    if isinstance(error, UnicodeDecodeError):
        return f"The body is not UTF-8: {error.reason}"
    text = str(error).split(" - at `")[0].replace(" | null`", "`")
    for mark, shown in _NAMES.items():
        text = text.replace(mark, shown)
    return text


def name(value: object) -> str:
    """Name the kind of a JSON value."""
    kinds = ((bool, "`bool`"), (str, "`str`"), (list, "`array`"), (dict, "`object`"))
    found = next((mark for kind, mark in kinds if isinstance(value, kind)), "`float`")
    return _NAMES[found if value is not None else "`null`"]


def escape(member: str) -> str:
    """Escape the name of a member for a JSON Pointer (RFC 6901)."""
    return member.replace("~", "~0").replace("/", "~1")
