"""Filter patterns select lines as CloudWatch Logs documents it; what is not supported is refused by name."""

import pytest

from orchestrator.model.log_errors import LogParameterError
from orchestrator.model.log_patterns import parse

LINES = ("ERROR 401 BAD REQUEST", "ERROR 500 SERVER", "WARN 200 OK", "info\n", 'say "hi" now')


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", (0, 1, 2, 3, 4)),
        ("  ", (0, 1, 2, 3, 4)),
        ("ERROR", (0, 1)),
        ("error", ()),
        ("ERROR BAD", (0,)),
        ("BAD ERROR", (0,)),
        ('"BAD REQUEST"', (0,)),
        ('"REQUEST BAD"', ()),
        ("ERROR -BAD", (1,)),
        ('-ERROR -"200 OK"', (3, 4)),
        ("?BAD ?WARN", (0, 2)),
        ('?"500 SERVER" ?info', (1, 3)),
        ("?WARN ERROR", (0, 1)),
        ("?WARN -ERROR", (2, 3, 4)),
        (r'"\"hi\""', (4,)),
        ("200_OK", ()),
    ],
)
def test_terms_phrases_exclusions_and_alternatives(pattern: str, found: tuple[int, ...]) -> None:
    matches = parse(pattern)
    assert tuple(index for index, line in enumerate(LINES) if matches(line)) == found


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ('{ $.a = "b" }', "JSON patterns"),
        ("[ip, user]", "patterns of space-delimited fields"),
        ("%AUTH%", "regular expressions"),
        ("ERROR %AUTH%", "regular expressions"),
        ("a.b", r"Invalid character\(s\) in term 'a.b'; put it in quotation marks"),
        ("é*", r"Invalid character\(s\) in term"),
        ('"never closed', "a quotation mark is out of place at character 1"),
        ('a b"c" d', "a quotation mark is out of place at character"),
    ],
)
def test_what_is_not_supported_is_named(pattern: str, sentence: str) -> None:
    with pytest.raises(LogParameterError, match=f"filterPattern: {sentence}"):
        parse(pattern)
