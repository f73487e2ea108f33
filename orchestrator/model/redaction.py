"""Secrets in the arguments of runs, where people and logs are shown them. GetJobRun shows all, as Glue does.

A secret is known by its name. Whoever names it otherwise adds the word in the settings.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

HIDDEN: Final = "***"
WORDS: Final = ("passw", "passphrase", "pwd", "secret", "token", "credential", "key", "auth")
_PASSWORD_IN_URL: Final = re.compile(r"(://[^/\s:@]*:)[^/\s]{1,1000}(?=@)")
_NAME_IN_URL: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_VALUE: Final = r"""(?x:
    \\{1,8}["'] [^"']*                         # in JSON that is text itself
  | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'
  | ["'] [^"']*                                # cut off
  | \[ [^\]]{0,1000} \]?
  | (?:(?:Basic|Bearer|Digest|Negotiate|Token)\s{1,16})? [^\s,;&"'}\]\[]+
)"""


class Redaction:
    """Hides what stands beside a name that has one of the words in it."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        """Know the usual words and `more`."""
        words = "|".join(re.escape(word) for word in (*WORDS, *more) if word)
        self._name = re.compile(words, re.IGNORECASE)
        # As in a URL's query, Spark's --conf, a list of variables, a header, or JSON, also JSON as text in JSON; or as an
        # option and what follows it, in a line or in the list that a traceback shows. Bounded, for the text is anybody's.
        named = rf"(?:{words})[\w.-]{{0,64}}"
        pair = rf"""{named}(?:\\{{0,8}}["'])?\s{{0,16}}(?:=>|[=:])\s{{0,16}}"""
        option = rf"""(?<![\w.-])--[\w.-]{{0,64}}?{named}(?:["'],\s?(?=["'])|\s+(?!-))"""
        self._pair = re.compile(f"({pair}|{option}){_VALUE}", re.IGNORECASE)

    def arguments(self, arguments: Mapping[str, str]) -> dict[str, str]:
        """Return arguments, or other named values, with the secret ones hidden. An empty value hides nothing."""
        return {
            name: HIDDEN if value and self._name.search(name) else self.text(value) for name, value in arguments.items()
        }

    def within(self, value: Any) -> Any:
        """Return JSON's types with what is secret in them hidden, by the names that values have and by their text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.within(one) for one in value]
        if isinstance(value, dict):
            return {name: self._named(str(name), one) for name, one in value.items()}
        return value

    def _named(self, name: str, value: Any) -> Any:
        return HIDDEN if value and isinstance(value, str) and self._name.search(name) else self.within(value)

    def text(self, text: str) -> str:
        """Return text with what is secret in it hidden: the passwords of URLs, and values beside a secret's name."""
        return _without_passwords(self._pair.sub(rf"\1{HIDDEN}", text))


def without_credentials(text: str) -> str:
    """Return text with the names in its URLs hidden, too, and with the passwords: an index takes a token as a name."""
    return _NAME_IN_URL.sub(HIDDEN, _without_passwords(text))


def _without_passwords(text: str) -> str:
    return _PASSWORD_IN_URL.sub(rf"\1{HIDDEN}", text)
