"""How bash, zsh and fish ask what stands behind the cursor, and how they are answered: what is offered is what they insert.

click knows the three, but answers the value of an option where a shell wants the word that it stands in (`--job=in`),
and does not see that bash breaks words at `@`, or that a value may hold a comma.
"""

import os
from collections.abc import Mapping
from typing import Final

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_BASH: Final = """\
%(complete_func)s() {
    local IFS=$'\\n' line type value
    COMPREPLY=()
    for line in $(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete "$1"); do
        IFS=',' read -r type value <<< "$line"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_FISH: Final = """\
function %(complete_func)s
    for line in (env COMP_WORDS=(commandline -cp | string collect) %(complete_var)s=fish_complete %(prog_name)s)
        set -l parts (string split --max 1 "," -- $line)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""
_BREAKS: Final = "=:"
"""Where bash breaks a word and inserts what is right of it. It breaks words at `@` too, but inserts that anew."""


class _WholeWords(ShellComplete):
    """Offers the word in which a value stands: `--job=ingest`, and not `ingest`."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        name, equals, _ = incomplete.partition("=")
        left = name + equals if equals and name.startswith("-") else ""
        return [_changed(item, left + item.value) for item in super().get_completions(args, incomplete)]


class _BeforeCursor(ShellComplete):
    """Is told the command as it is typed, up to the cursor, in COMP_WORDS."""

    def get_completion_args(self) -> tuple[list[str], str]:
        # The mark makes a word of its own where the last one is ended by a blank.
        *words, last = split_arg_string(os.environ["COMP_WORDS"] + ".")
        return words[1:], last[:-1]


class _Bash(_BeforeCursor, _WholeWords, BashComplete):
    source_template = _BASH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        breaks = [character for character in _BREAKS if character in os.environ.get("COMP_WORDBREAKS", "")]
        kept = 1 + max((incomplete.rfind(character) for character in breaks), default=-1)
        return [_changed(item, item.value[kept:]) for item in super().get_completions(args, incomplete)]


class _Zsh(_WholeWords, ZshComplete):
    pass


class _Fish(_BeforeCursor, _WholeWords, FishComplete):
    source_template = _FISH


def _changed(item: CompletionItem[str], value: str) -> CompletionItem[str]:
    return CompletionItem(value, help=item.help) if item.type == "plain" else item


SHELLS: Final[Mapping[str, type[ShellComplete]]] = {kind.name: kind for kind in (_Bash, _Fish, _Zsh)}


def answer() -> None:
    """Have click answer these shells by what is here, in this process."""
    for kind in SHELLS.values():
        add_completion_class(kind)
