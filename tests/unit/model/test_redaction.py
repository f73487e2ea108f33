"""What stands beside a secret's name is hidden, whatever form it has; everything else is shown."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.redaction import HIDDEN, WORDS, Redaction, without_credentials

SECRET = "hunter2"


@pytest.mark.parametrize(
    "name",
    [
        "--password",
        "--DB_PASSWORD",
        "--dbPasswd",
        "--pwd",
        "--passphrase",
        "--client-secret",
        "--api_token",
        "--AWS_SECRET_ACCESS_KEY",
        "--apiKey",
        "--private-key",
        "--credentials",
        "--authorization",
        "token",
    ],
)
def test_the_value_of_a_secrets_name_is_hidden(name: str) -> None:
    assert Redaction().arguments({name: SECRET, "--day": "2026-01-01"}) == {name: HIDDEN, "--day": "2026-01-01"}


@given(
    word=st.sampled_from(WORDS),
    before=st.text(max_size=5),
    after=st.text(max_size=5),
    value=st.text(min_size=1),
    is_upper=st.booleans(),
)
def test_no_name_with_one_of_the_words_shows_its_value(
    word: str, before: str, after: str, value: str, *, is_upper: bool
) -> None:
    name = before + (word.upper() if is_upper else word) + after
    assert Redaction().arguments({name: value}) == {name: HIDDEN}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://etl:hunter2@db/x", "postgresql://etl:***@db/x"),
        ("redis://:hunter2@cache", "redis://:***@cache"),
        ("spark.hadoop.fs.s3a.secret.key=hunter2", "spark.hadoop.fs.s3a.secret.key=***"),
        (
            "--conf a=1 --conf spark.password=hunter2 --conf b=2",
            "--conf a=1 --conf spark.password=*** --conf b=2",
        ),
        ('CUSTOMER_TOKEN="hunter2,hunter2",CUSTOMER_B=1', "CUSTOMER_TOKEN=***,CUSTOMER_B=1"),
        ("https://host/path?token=hunter2&day=1", "https://host/path?token=***&day=1"),
        ('{"password": "hunter2", "day": 1}', '{"password": ***, "day": 1}'),
        ("{'api_key': 'hunter2'}", "{'api_key': ***}"),
        ("Authorization: hunter2", "Authorization: ***"),
        ("Authorization: Bearer hunter2", "Authorization: ***"),
        ("Authorization: Basic hunter2=, Accept: */*", "Authorization: ***, Accept: */*"),
        (r'{"a": "{\"password\": \"hunter2\"}"}', r'{"a": "{\"password\": ***"}"}'),
        ('{"passwords": ["hunter2", "hunter2"], "day": 1}', '{"passwords": ***, "day": 1}'),
        (r'password="hun\"hunter2" user=u', "password=*** user=u"),
        ('password="hunter2 that is cut o', "password=***"),
        ("password => hunter2", "password => ***"),
        ("--db-password hunter2 --day 1", "--db-password *** --day 1"),
        ("unrecognized arguments: --day 1 --api_key hunter2", "unrecognized arguments: --day 1 --api_key ***"),
        ("['mysql', '--password', 'hunter2', '-e']", "['mysql', '--password', ***, '-e']"),
        ("mysql://etl:hun@hunter2@db/x", "mysql://etl:***@db/x"),
    ],
)
def test_a_secret_inside_of_a_value_is_hidden(text: str, shown: str) -> None:
    assert Redaction().arguments({"--v": text}) == {"--v": shown}


@pytest.mark.parametrize(
    "text",
    ["", "plain", "a=1,b=2", "https://host:80/path", "s3://bucket/day=1/", "12:30", "user@host", "--no-auth --day 1"],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert Redaction().arguments({"--v": text}) == {"--v": text}


def test_an_empty_value_is_seen_to_be_empty() -> None:
    assert Redaction().arguments({"--password": ""}) == {"--password": ""}


def test_further_words_are_taken_literally() -> None:
    some = Redaction(["dsn", "a.b"])
    assert some.arguments({"--DSN": SECRET, "--a.b": SECRET, "--axb": SECRET}) == {
        "--DSN": HIDDEN,
        "--a.b": HIDDEN,
        "--axb": SECRET,
    }


def test_names_in_addresses_are_hidden_too_where_they_may_be_tokens() -> None:
    assert without_credentials("x @ https://token@host/x.whl http://a:b@h/ http://a:b@c@h/ http://h/@x") == (
        "x @ https://***@host/x.whl http://***@h/ http://***@h/ http://h/@x"
    )


def test_no_text_takes_long() -> None:
    """A value may have 128 KiB, and is anybody's."""
    begun = time.process_time()
    for part in (
        "key",
        "key=",
        "a",
        "://",
        'key="',
        "key: ",
        "key=[",
        "key='\\",
        "--",
        "--key ",
        "--a",
        "://:",
        "key \t=",
        '\\"key',
    ):
        text = part * (120_000 // len(part))
        assert Redaction().text(text) is not None
        assert without_credentials(text) is not None
    assert time.process_time() - begun < 10
