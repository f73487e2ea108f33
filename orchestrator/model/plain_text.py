"""Other people's text where a terminal reads it: names, sentences and logs may hold what a terminal obeys."""

import re
from typing import Final

# C0, DEL and C1, and what turns the direction of text or breaks lines in Unicode.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def harmless(text: str, *, keep: str = "\n\t") -> str:
    r"""Return `text` with its control characters spelled out (`\x1b`), but for those in `keep`."""
    spelled = _CONTROLS.sub(lambda match: match[0] if match[0] in keep else _spell(match[0]), text)
    return spelled.encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates


def _spell(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
