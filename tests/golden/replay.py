"""Recorded calls of the firmware's functions as a camera program that makes them again."""

from typing import Any

SHOW = """
def _show(number, value, error):
    if error is not None:
        print("@" + repr([number, "raises", type(error).__name__, str(error)]))
        return
    kind = type(value).__name__
    text = "Image %dx%d" % (value.width(), value.height()) if kind == "Image" else repr(value)
    print("@" + repr([number, "gives", kind, text]))
"""


def program_of(probes: list[dict[str, Any]]) -> str:
    """A program that makes all calls of `probes` in one interpreter, and prints a line for each: number, and what came of it."""
    return SHOW + "".join(_statements(number, probe) for number, probe in enumerate(probes))


def _statements(number: int, probe: dict[str, Any]) -> str:
    call = probe["call"]
    text = "".join(_attempt(statement, "pass") for statement in probe.get("before", []))
    text += "_value = _error = None\n"
    if call.startswith("def "):
        text += call + "\n"
        call = call[4 : call.index("(")] + "()"
    module = "import protocol\n" if "protocol." in call or "(protocol)" in call else ""
    return text + _attempt(f"{module}_value = {call}", "_error = _caught") + f"_show({number}, _value, _error)\n"


def _attempt(statements: str, otherwise: str) -> str:
    body = "".join(f"    {line}\n" for line in statements.split("\n"))
    return f"try:\n{body}except Exception as _caught:\n    {otherwise}\n"
