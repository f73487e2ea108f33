"""The page's files as they are sent: joined, so that a browser asks for few, and light."""

import re

import pytest

from orchestrator.faces.console.files import PAGE, as_data, filled, read_files, tag_of
from orchestrator.faces.console.linking import joined_sheet, linked_modules

_MOST_BYTES = 60_000

HELPER = """// Adds.
export const ONE = 1;
export function add(a, b) {
  return a + b;
}
"""
MAIN = """import { add, ONE as one } from "./lib/helper.js";
import thing from "../vendor/thing.js";

const later = () => import("./views/later.js");
add(one, thing);
"""
LATER = """import { add } from "../lib/helper.js";
import { only } from "../lib/only.js";

/** @typedef {import("../types.js").Run} Run */
export const View = add(only, 1);
"""


def texts(**changes: str) -> dict[str, str]:
    """Return the modules of a small page, but for `changes` by the name of a file."""
    return {
        "js/main.js": MAIN,
        "js/lib/helper.js": HELPER,
        "js/lib/only.js": 'export { a as only, b } from "../kit.js";',
        "js/kit.js": "const a = 1;\nconst b = 2;\nexport { a, b };\n",
        "js/views/later.js": LATER,
        "vendor/thing.js": "var n=1;export default n;\n//# sourceMappingURL=thing.js.map",
        **{f"js/{name}.js": text for name, text in changes.items()},
    }


def test_what_is_imported_is_in_the_first_module_behind_nothing_that_it_needs() -> None:
    sent = linked_modules(texts(), "js/main.js")
    assert list(sent) == ["js/main.js", "js/views/later.js"]
    assert sent["js/main.js"] == (
        "export const $ = {};\n"
        "// js/lib/helper.js\n"
        '$["js/lib/helper.js"] ??= (() => {\n'
        "// Adds.\nconst ONE = 1;\nfunction add(a, b) {\n  return a + b;\n}\n"
        "return { ONE, add };\n})();\n"
        "// vendor/thing.js\n"
        '$["vendor/thing.js"] ??= (() => {\nvar n=1;const $default = n;\nreturn { default: $default };\n})();\n'
        "// js/main.js\n"
        '$["js/main.js"] ??= (() => {\n'
        'const { add, ONE: one } = $["js/lib/helper.js"];\n'
        'const { default: thing } = $["vendor/thing.js"];\n\n'
        'const later = () => import("./views/later.js");\nadd(one, thing);\n'
        "return {  };\n})();\n"
    )


def test_what_is_loaded_later_takes_from_the_first_what_that_has() -> None:
    sent = linked_modules(texts(), "js/main.js")["js/views/later.js"]
    assert sent.startswith('import { $ } from "../main.js";\n')
    assert "// js/lib/helper.js" not in sent
    assert re.findall("(?m)^// (.*)", sent) == ["js/kit.js", "js/lib/only.js", "js/views/later.js"]
    assert 'return { only: $["js/kit.js"].a, b: $["js/kit.js"].b };' in sent
    assert sent.endswith('export const { View } = $["js/views/later.js"];\n')


def test_what_is_loaded_later_has_all_that_came_before_it_whoever_loads_it() -> None:
    """The page proper is such a file too: what it has, a view does not have once more."""
    first = 'const page = () => import("./main.js");\n'
    both = 'import { only } from "../lib/only.js";\nimport { add } from "../lib/helper.js";\n'
    changes = {
        "first": first,
        "views/later": f'{both}export const view = () => import("./other.js");\n',
        "views/other": f"{both}add(1, 2);\n",
    }
    assert held(linked_modules(texts(**changes), "js/first.js")) == {
        "js/first.js": ["js/first.js"],
        "js/main.js": ["js/lib/helper.js", "vendor/thing.js", "js/main.js"],
        "js/views/later.js": ["js/kit.js", "js/lib/only.js", "js/views/later.js"],
        "js/views/other.js": ["js/views/other.js"],
    }
    # Loaded by the first file too, it cannot count on what only the other way brings.
    changes["first"] = f'{first}const soon = () => import("./views/other.js");\n'
    assert held(linked_modules(texts(**changes), "js/first.js"))["js/views/other.js"] == [
        "js/kit.js",
        "js/lib/only.js",
        "js/lib/helper.js",
        "js/views/other.js",
    ]


def held(sent: dict[str, str]) -> dict[str, list[str]]:
    """Return by file which modules it holds, in their order."""
    return {name: re.findall(r"(?m)^// (\w+/\S+)$", text) for name, text in sent.items()}


def test_a_path_of_what_is_loaded_later_holds_where_the_module_now_is() -> None:
    helper = 'export const more = () => import("../views/later.js");\n' + HELPER
    sent = linked_modules(texts(**{"lib/helper": helper}), "js/main.js")
    assert 'const more = () => import("./views/later.js");' in sent["js/main.js"]


def test_what_is_loaded_later_and_imports_nothing_is_sent_as_it_is() -> None:
    sent = linked_modules(texts(**{"views/later": HELPER}), "js/main.js")
    assert sent["js/views/later.js"] == HELPER


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ('import { b } from "../main.js";\n', "js/main.js imports itself: js/main.js → js/lib/helper.js → js/main.js"),
        ('import { b } from "./none.js";\n', "no module is called js/lib/none.js"),
        (
            'import * as all from "../kit.js";\n',
            'js/lib/helper.js cannot be joined with others: import * as all from "../kit.js";',
        ),
        ("export let count = 0;\n", "js/lib/helper.js cannot be joined with others: export let count = 0;"),
        ("const here = import.meta.url;\n", "js/lib/helper.js cannot be joined with others: import.meta.url;"),
        ("export * from '../kit.js';\n", "js/lib/helper.js cannot be joined with others: export * from '../kit.js';"),
    ],
)
def test_what_cannot_be_joined_is_refused(module: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        linked_modules(texts(**{"lib/helper": module}), "js/main.js")


def test_a_sheet_has_those_in_it_that_it_imports() -> None:
    sheets = {
        "css/a.css": '@import "b.css";\n@import "../vendor/c.css";\np {}\n',
        "css/b.css": "b {}\n",
        "vendor/c.css": "c {}\n",
    }
    assert joined_sheet(sheets, "css/a.css") == "b {}\nc {}\np {}\n"


def test_the_page_is_four_files_that_weigh_less_than_60_kb() -> None:
    files = read_files()
    page = filled(files[PAGE], {}, place="")
    named = re.findall(r'(?:src|href)="([^"#]+)"', page.decode())
    assert named == ["icon.svg", "css/page.css", "js/first_view.js", "js/main.js"]
    bytes_sent = len(page) + sum(len(files[name].packed or files[name].body) for name in named)
    assert bytes_sent < _MOST_BYTES


def test_no_joined_file_imports_but_from_the_first_one() -> None:
    modules = {name: file.body.decode() for name, file in read_files().items() if name.endswith(".js")}
    assert {name for name in modules if name.startswith("js/views/")} >= {"js/views/run.js", "js/views/workflow.js"}
    for name, text in modules.items():
        assert re.findall(r"(?m)^import\b.*", text) == (
            []
            if name in {"js/first_view.js", "vendor/uplot.js"}
            else [f'import {{ $ }} from "{"../" if "/views/" in name else "./"}first_view.js";']
        )
    assert "@import" not in read_files()["css/page.css"].body.decode()


def test_another_file_has_another_tag() -> None:
    files = dict(read_files())
    before = tag_of(files)
    files.pop("icon.svg")
    assert tag_of(files) != before


def test_data_cannot_end_the_element_it_stands_in() -> None:
    assert as_data(b'{"name":"</script><!--"}') == rb'{"name":"\u003c/script>\u003c!--"}'
