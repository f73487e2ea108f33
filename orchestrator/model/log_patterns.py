"""Filter patterns of CloudWatch Logs for lines of text: terms, "phrases", -exclusions and ?alternatives.

All of `a "b c"` must be in the line, none of `-a -"b c"` may be, one of `?a ?b` suffices; where other terms stand
beside them, alternatives are ignored, as CloudWatch Logs does. Upper and lower case differ.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable
from typing import Final

from orchestrator.model.log_errors import LogParameterError

_TERM: Final = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|\Z)', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_UNSUPPORTED: Final = {
    "{": "JSON patterns ({ $.field = value })",
    "[": "patterns of space-delimited fields ([a, b])",
    "%": "regular expressions (%…%)",
}


def parse(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a line matches `pattern`; an empty one matches all.

    Raises:
        LogParameterError: the pattern is wrong, or of a kind that is not supported here.
    """
    text = pattern.strip()
    if text[:1] in _UNSUPPORTED:
        raise LogParameterError(f"filterPattern: {_UNSUPPORTED[text[:1]]} are not supported here; only terms are.")
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise LogParameterError(f"filterPattern: a quotation mark is out of place at character {position + 1}.")
        terms[match[1]].append(_term(match))
        position = match.end()
    wanted, unwanted, either = terms[""], terms["-"], terms["?"]
    if wanted or unwanted or not either:
        return lambda line: all(term in line for term in wanted) and not any(term in line for term in unwanted)
    return lambda line: any(term in line for term in either)


def _term(match: re.Match[str]) -> str:
    if match[2] is not None:
        return _ESCAPE.sub(r"\1", match[2])
    term = match[3]
    if "%" in term:
        raise LogParameterError(f"filterPattern: {_UNSUPPORTED['%']} are not supported here; only terms are.")
    if not term.replace("_", "a").isalnum():
        raise LogParameterError(f"filterPattern: Invalid character(s) in term '{term}'; put it in quotation marks.")
    return term
