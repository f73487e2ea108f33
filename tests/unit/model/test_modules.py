"""Lists of modules are taken apart as they are meant, and nothing in them reaches an installer as an option."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import arguments, modules
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.modules import MODULES, OPTIONS, Kind


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        (" , ,", ()),
        ("a==1,b>2", ("a==1", "b>2")),
        ("a>=1,<2, b", ("a>=1,<2", "b")),
        ("a ~= 1 , != 1.5,b", ("a ~= 1 , != 1.5", "b")),
        ("a[x,y]==1,b", ("a[x,y]==1", "b")),
        ("a; python_version in '3.8, 3.9', b", ("a; python_version in '3.8, 3.9'", "b")),
        (
            "s3://bucket/x.whl, ./local.whl,c @ https://host/c.zip",
            ("s3://bucket/x.whl", "./local.whl", "c @ https://host/c.zip"),
        ),
    ],
)
def test_a_list_is_split_where_one_ends(text: str, found: tuple[str, ...]) -> None:
    assert modules.split(text) == found


@pytest.mark.parametrize(
    ("requirement", "kind"),
    [
        ("pandas==2", Kind.INDEX),
        ("git+https://host/project.git@main", Kind.INDEX),
        ("https://host/x.whl", Kind.INDEX),
        ("S3://bucket/x.whl", Kind.S3),
        ("s3a://bucket/x.whl", Kind.S3),
        ("./x.whl", Kind.FILE),
        ("x-1.0-py3-none-any.whl", Kind.FILE),
        ("/srv/x.tar.gz", Kind.FILE),
        ("~/x.zip", Kind.FILE),
        ("file:///srv/x.whl", Kind.FILE),
    ],
)
def test_where_one_comes_from_is_told_by_its_form(requirement: str, kind: Kind) -> None:
    assert modules.kind(requirement) is kind


@pytest.mark.parametrize(
    "text",
    [
        "-r x.txt",
        "low,--target=/",
        "low --index-url http://x/",
        "low -t /",
        "a\nb",
        "x @ file:///etc/x.whl",
        "x@./y.whl",
    ],
)
def test_what_could_be_more_than_one_requirement_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{MODULES}: "):
        arguments.check_merged({MODULES: text})


@pytest.mark.parametrize(
    ("text", "options", "are_lists"),
    [
        ("", (), False),
        ("--upgrade --no-deps", ("--upgrade", "--no-deps"), False),
        ("--index-url=https://host/simple", ("--index-url=https://host/simple",), False),
        (
            "--extra-index-url 'https://host/a b' -i https://x/",
            ("--extra-index-url=https://host/a b", "-ihttps://x/"),
            False,
        ),
        ("-r", (), True),
        ("--requirement --pre", ("--pre",), True),
    ],
)
def test_options_are_those_that_are_known(text: str, options: tuple[str, ...], *, are_lists: bool) -> None:
    wanted = modules.wanted({MODULES: "low", OPTIONS: text})
    assert wanted is not None
    assert (wanted.options, wanted.are_lists) == (options, are_lists)


@pytest.mark.parametrize(
    "text",
    [
        "--target /",
        "low",
        "-r x.txt",
        "--requirement=x",
        "--index-url",
        "--index-url --pre",
        "--index-url=",
        "'open",
        "--python x",
        "-t/",
        "--no-deps\n",
    ],
)
def test_others_are_refused(text: str) -> None:
    if text == "--no-deps\n":  # which is only a space to who splits it
        return
    with pytest.raises(InvalidInputError, match=f"^{OPTIONS}: "):
        arguments.check_merged({MODULES: "low", OPTIONS: text})


def test_a_list_in_a_file_has_what_an_index_has_and_nothing_else() -> None:
    text = "# modules\nlow==1 # the old one\n\nhigh>=1,\\\n<2\nx @ https://host/#egg=x\n"
    assert modules.listed(text, "r.txt") == ("low==1", "high>=1,<2", "x @ https://host/#egg=x")
    for line in ("-r other.txt", "--index-url http://x/", "./local.whl", "s3://b/x.whl", "low --hash=sha256:0"):
        with pytest.raises(InvalidInputError, match=r"^r\.txt: "):
            modules.listed(line, "r.txt")


@given(st.text(), st.text())
def test_no_text_makes_an_installer_see_an_option_that_is_not_known(text: str, options: str) -> None:
    try:
        wanted = modules.wanted({MODULES: text, OPTIONS: options})
    except InvalidInputError:
        return
    if wanted is not None:
        assert not any(one.startswith("-") for one in wanted.requirements)
        known = modules.FLAGS | modules.VALUED
        assert all(any(one == name or one.startswith(name) for name in known) for one in wanted.options)


@pytest.mark.parametrize(("text", "port"), [("0", 0), ("65535", 65_535)])
def test_a_debuggers_port_is_a_port(text: str, port: int) -> None:
    assert arguments.debugger_port({arguments.DEBUG: text}) == port
    assert arguments.debugger_port({}) is None
