"""normalize_date: dates in any form, read the same on every machine."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.processors._dates import compile_form
from tests.domain.processors.processing import a_processor, failure, processed, refusal


def normalized(value: Any, form: Any, **more: Any) -> Any:
    result = processed({"f": value}, type="normalize_date", field="f", format=form, **more)
    assert result is not None
    return result["f"]


@pytest.mark.parametrize(
    ("value", "form", "result"),
    [
        ("27/01/2014", "%d/%m/%Y", "2014-01-27"),
        ("7/1/2014", "%d/%m/%Y", "2014-01-07"),
        (" 27.01.14 ", "%d.%m.%y", "2014-01-27"),
        ("31-12-69", "%d-%m-%y", "1969-12-31"),
        ("31-12-68", "%d-%m-%y", "2068-12-31"),
        (20140127, "%Y%m%d", "2014-01-27"),
        ("27 January 2014", "%d %B %Y", "2014-01-27"),
        ("Mon 27  JAN 2014", "%a %d %b %Y", "2014-01-27"),
        ("2016-366", "%Y-%j", "2016-12-31"),
        ("100% 2014 1 2", "100%% %Y %d %m", "2014-02-01"),
        ("29/02/2016", "%d/%m/%Y", "2016-02-29"),
        ("27/01/2014 04:15", "%d/%m/%Y %H:%M", "2014-01-27T04:15:00+00:00"),
        ("27/01/2014 12:15:09.5 AM", "%d/%m/%Y %I:%M:%S.%f %p", "2014-01-27T00:15:09.500000+00:00"),
        ("27/01/2014 12 pm", "%d/%m/%Y %I %p", "2014-01-27T12:00:00+00:00"),
        ("2014-01-27T04:15:00+02:00", "%Y-%m-%dT%H:%M:%S%z", "2014-01-27T02:15:00+00:00"),
        ("20140127041500-0330", "%Y%m%d%H%M%S%z", "2014-01-27T07:45:00+00:00"),
        ("20140127 Z", "%Y%m%d %z", "2014-01-27T00:00:00+00:00"),
        ("27/01/2014", ["%d/%m/%Y %H:%M", "%d/%m/%Y"], "2014-01-27T00:00:00+00:00"),
        ("2014/01/27", ["%d/%m/%Y", "%Y/%m/%d"], "2014-01-27"),
        (None, "%Y%m%d", None),
        ("  ", "%Y%m%d", None),
    ],
)
def test_a_date_of_one_of_the_forms_is_written_as_iso_8601(value: Any, form: Any, result: Any) -> None:
    assert normalized(value, form) == result


@pytest.mark.parametrize(
    ("value", "zone", "result"),
    [
        ("2024-01-10 10:00", "Europe/Paris", "2024-01-10T09:00:00+00:00"),
        ("2024-07-10 10:00", "Europe/Paris", "2024-07-10T08:00:00+00:00"),
        ("2027-10-31 02:30", "Europe/Paris", "2027-10-31T00:30:00+00:00"),
        ("2027-03-28 02:30", "Europe/Paris", "2027-03-28T01:30:00+00:00"),
        ("2024-01-10 10:00", "UTC", "2024-01-10T10:00:00+00:00"),
    ],
)
def test_a_time_is_local_to_the_time_zone(value: str, zone: str, result: str) -> None:
    assert normalized(value, "%Y-%m-%d %H:%M", timezone=zone) == result


def test_an_offset_in_the_text_outweighs_the_time_zone() -> None:
    assert normalized("20240101 00 +0000", "%Y%m%d %H %z", timezone="Europe/Paris") == "2024-01-01T00:00:00+00:00"


def test_the_result_may_go_to_another_field_whose_type_follows_from_the_forms() -> None:
    date = {"type": "normalize_date", "field": "f", "format": "%Y%m%d", "output_field": "day"}
    assert processed({"f": 20140127}, **date) == {"f": 20140127, "day": "2014-01-27"}
    assert processed({}, **date) == {"day": None}
    assert a_processor(**date).outputs == (("day", "date"),)
    assert a_processor(**{**date, "format": ["%Y%m%d", "%Y%m%d%H"]}).outputs == (("day", "datetime"),)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("27-01-2014", "%d/%m/%Y"),
        ("30/02/2014", "%d/%m/%Y"),
        ("27/01/2014 ", "%d/%m/%Y %H"),
        ("2014-366", "%Y-%j"),
        ("0000-01-01", "%Y-%m-%d"),
        ("27 janvier 2014", "%d %B %Y"),
        ("٢٧/01/2014", "%d/%m/%Y"),
        ("20140127 +2400", "%Y%m%d %z"),
        ("0001-01-01 00 +1000", "%Y-%m-%d %H %z"),
        ("2014-01-27 23:59:60", "%Y-%m-%d %H:%M:%S"),
        ("27" + " " * 100 + "01 2014", "%d %m %Y"),
        (True, "%Y%m%d"),
        ([2014], "%Y%m%d"),
    ],
)
def test_what_is_of_none_of_the_forms_fails_with_the_field(value: Any, form: str) -> None:
    error = failure({"f": value}, type="normalize_date", field="f", format=form, timezone="Europe/Paris")
    assert error.field == "f"
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("%d/%m", "needs a year"),
        ("%Y-%m", "needs a year"),
        ("%H:%M", "needs a year"),
        ("day", "needs a year"),
        ("%Y%m%d %Z", "%Z is no directive"),
        ("%c", "%c is no directive"),
        ("%Y%m%d%", "% is no directive"),
        ("%-d/%m/%Y", "%- is no directive"),
        ("%Y%m%d%d", "twice"),
        ("%Y%m%d %I", "go together"),
        ("%Y%m%d %H %p", "go together"),
        ("", "1 to 100"),
        ("%Y" * 51, "1 to 100"),
        ([], "1 to 20"),
        (["%Y%m%d", "%d"], "'%d': it needs"),
        (["%Y%m%d", 1], "number 2"),
        (5, "expected text or a list"),
    ],
)
def test_a_form_that_could_never_be_read_is_refused(form: Any, sentence: str) -> None:
    detail = refusal(type="normalize_date", field="f", format=form)
    assert list(detail) == ["format"]
    assert sentence in detail["format"][0]


@pytest.mark.parametrize("zone", ["Mars/Base", "Europe", "../../etc/passwd", "/etc/localtime", "", "\x00", "CEST"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    assert list(refusal(type="normalize_date", field="f", format="%Y%m%d", timezone=zone)) == ["timezone"]


FORMS = [
    "%Y-%m-%d", "%d/%m/%y", "%d %B %Y", "%A, %d %b %Y", "%a %d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S%f", "%Y %j",
    "%m/%d/%Y %I:%M %p", "%Y-%m-%dT%H:%M:%S.%f%z", "[%d] (%m) {%Y} %% ^$.*+?|\\",
]  # fmt: skip


@given(st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)), st.sampled_from(FORMS), st.integers(-1439, 1439))
def test_a_form_is_read_as_strptime_reads_it(moment: datetime, form: str, offset: int) -> None:
    aware = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=offset)))
    text = aware.strftime(form)
    assert compile_form(form)(text) == datetime.strptime(text, form)


@given(st.text("0123456789/-: aAjJnNpPmM+", max_size=20), st.sampled_from(["%d/%m/%Y", "%Y-%j", "%d%b%y %I%p"]))
def test_what_strptime_refuses_is_refused(text: str, form: str) -> None:
    try:
        expected = datetime.strptime(text, form)
    except ValueError:
        expected = None
    assert compile_form(form)(text) == expected
