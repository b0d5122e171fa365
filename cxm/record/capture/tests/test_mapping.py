"""Mappings: what is wrong is said in a sentence, what is guessed fits, and every key is documented."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from cxm.record.capture import files, mapping, suggesting
from cxm.record.capture.examples import examples
from cxm.record.capture.guessing import column_type
from cxm.record.capture.mapping import MappingError, MappingFile, Source, read_mapping
from cxm.record.capture.times import reader

DOCS = Path(__file__).parents[4] / "docs" / "reference" / "mapping.md"
GOOD = "name: N\ntime: day\nanswers: [{question: q, metric: nps, scale: 0-10, score: s}]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "The mapping is not valid YAML: line 1"),
        ("- a", "A mapping is a list of keys with values"),
        ("time: day", "The mapping needs the key “name”."),
        (GOOD + "timezone: UTC", "A mapping has no key “timezone”."),
        (GOOD + "time_zone: Kyiv", "There is no time zone “Kyiv”; write one like Europe/Kyiv."),
        (GOOD.replace("score: s", "skore: s"), "has no key “skore”."),
        (GOOD.replace("nps", "NPS"), "“NPS” is not a possible value of “answers[0].metric”."),
        (GOOD.replace("scale: 0-10, ", ""), "The answer “q” needs a score and a scale such as 0-10."),
        (GOOD.replace("0-10", "10-0"), "The scale “10-0” must go from the lowest to the highest score."),
        (GOOD.replace("time: day\n", ""), "The mapping needs “time”"),
        (GOOD + "name: M", "“name” stands twice"),
        (GOOD + "survey: &a x\nchannel: *a", "A mapping cannot use YAML aliases"),
        ("name: N\norders: {id: o}", "“orders” needs at least one time"),
        ("name: N", "The mapping says nothing about customers"),
        ("name: N\ncustomer: {identities: {}}", "“customer” needs at least one identity"),
        ("name: N\ntime: d\nevents: [{}]", "Each of “events” needs either “name” or “named_by”."),
        (GOOD + "about: {}", "“about” needs either “order” or “ticket”."),
        ("x: " + "[" * 5000, "The mapping is not valid YAML"),
        ("a" * 300_000, "The mapping is longer than 256 KB."),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        read_mapping(text)
    assert message in str(caught.value)


def test_plain_values_stay_text() -> None:
    read = read_mapping(GOOD + "missing: [No, 007, 1.0]\n")
    assert read.missing == ["No", "007", "1.0"]


def structures() -> dict[str, list[str]]:
    """The keys of every structure of a mapping."""
    found = {
        name: list(kind.__struct_fields__)
        for name, kind in vars(mapping).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
    }
    assert "MappingFile" in found
    return found


def test_every_key_is_documented() -> None:
    text = DOCS.read_text()
    documented = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    wanted = {key for keys in structures().values() for key in keys}
    assert documented == wanted


def test_the_examples_can_be_read() -> None:
    assert len(examples()) == 17
    assert len({one.name for one in examples()}) == 17


def test_the_example_in_the_documentation_can_be_read() -> None:
    for text in re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL):
        assert isinstance(read_mapping(text), MappingFile)


@pytest.mark.parametrize(
    ("cells", "kind", "form"),
    [
        (["1", "20", ""], "integer", ""),
        (["1.5", "-2", "?"], "decimal", ""),
        (["1,5", "1.234,75"], "decimal", ""),
        (["007", "012"], "text", ""),
        (["true", "FALSE"], "boolean", ""),
        (["2026-02-28", "2026-03-01"], "date", "%Y-%m-%d"),
        (["13/02/2026 09:15", "1/2/2026 10:00"], "date", "%d/%m/%Y %H:%M"),
        (["02/13/2026", "1/2/2026"], "date", "%m/%d/%Y"),
        (["19970101", "19970118"], "date", "%Y%m%d"),
        (["05/11/2016 12:00:00 AM"], "date", "%d/%m/%Y %I:%M:%S %p"),
        (["2026-02-28T10:00:00+02:00"], "date", "%Y-%m-%dT%H:%M:%S%z"),
        (["", "N/A"], "", ""),
        (["Kyiv"], "text", ""),
    ],
)
def test_types_are_guessed(cells: list[str], kind: str, form: str) -> None:
    found = column_type(cells)
    assert (found.kind, found.format) == (kind, form)


def test_a_date_that_could_be_two_is_marked() -> None:
    assert column_type(["05/11/2016"]).ambiguous
    assert not column_type(["15/11/2016"]).ambiguous


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%d/%m/%Y %H:%M", "5/3/2016 12:00", "2016-03-05 10:00:00+00:00"),  # Kyiv is two hours ahead in winter
        ("%d/%m/%Y", "5/7/2016", "2016-07-04 21:00:00+00:00"),  # and three in summer
        ("", "2016-03-05T12:00:00Z", "2016-03-05 12:00:00+00:00"),
        ("", "2016-03-05 12:00:00.250-05:00", "2016-03-05 17:00:00.250000+00:00"),
        ("%b %d, %y %I:%M %p", "Mar 5, 16 12:30 am", "2016-03-04 22:30:00+00:00"),
        ("%Y", "2016", "2015-12-31 22:00:00+00:00"),
        ("%d/%m/%Y %H:%M", "27/3/2016 03:30", "2016-03-27 01:30:00+00:00"),  # the hour that spring skips: one later
        ("%d/%m/%Y %H:%M", "30/10/2016 03:30", "2016-10-30 00:30:00+00:00"),  # the hour that comes twice: the first
        ("%d/%m/%Y", "31/02/2016", None),
        ("%d/%m/%Y", "00/01/2016", None),
        ("%d/%m/%Y", "1/13/2016", None),
        ("%H:%M %d/%m/%Y", "24:00 1/1/2016", None),
        ("%d/%m/%Y", "1/1/0216", None),
        ("%d/%m/%Y", "tomorrow", None),
    ],
)
def test_times_are_read_in_their_zone(form: str, text: str, expected: str | None) -> None:
    from zoneinfo import ZoneInfo

    read = reader([form] if form else [], ZoneInfo("Europe/Kyiv"))
    if expected is None:
        with pytest.raises(ValueError):  # the message is made by the caller
            read(text)
    else:
        assert str(read(text)) == expected


def test_usual_headings_get_a_mapping_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "NPS export 2026-03.csv"
    path.write_text(
        "Response ID,Customer ID,Email,Full name,Submitted at,NPS Score,CSAT,Comment,Country\n"
        "r1,c1,ada@example.com,Ada,2026-03-01 10:00,9,4,Good,UA\n"
        "r2,c2,n/a,Bob,2026-03-02 11:00,3,2,,PL\n"
    )
    look = files.look(path, path.name)
    roles = suggesting.suggest_roles(look)
    assert list(roles.values()) == [
        "response", "identity", "email", "name", "time", "nps", "csat", "comment", "property",
    ]  # fmt: skip
    assert suggesting.name_of(path.name) == "NPS export"
    read = read_mapping(suggesting.yaml_of("NPS export", look, roles, "Europe/Kyiv"))
    assert read.customer is not None
    assert read.customer.identities == {"customer_id": "Customer ID", "email": "Email"}
    assert [(one.metric, one.scale) for one in read.answers] == [("nps", "0-10"), ("csat", "1-5")]
    assert (read.missing, read.properties) == (["n/a"], ["Country"])


def test_a_column_of_comments_filled_up_with_blanks_gets_them_named_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("day,CSAT,Comment\n2026-03-01,4,  \n2026-03-02,5,Good\n2026-03-03,5,  \n")
    look = files.look(path, path.name)
    read = read_mapping(suggesting.yaml_of("Answers", look, suggesting.suggest_roles(look)))
    assert read.comment == Source(column="Comment", missing=["  "])
    path.write_text("day,CSAT,Comment\n2026-03-01,4,  \n2026-03-02,5,Good\n2026-03-03,5,Fine\n")
    look = files.look(path, path.name)
    assert read_mapping(suggesting.yaml_of("Answers", look, suggesting.suggest_roles(look))).comment == "Comment"
