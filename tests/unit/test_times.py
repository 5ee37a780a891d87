"""Times as the API shows them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse import times

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, MOMENTS)
def test_the_order_of_texts_is_the_order_of_times(one: datetime, other: datetime) -> None:
    assert (times.text(one) < times.text(other)) == (one < other)


@given(MOMENTS)
def test_a_time_survives_the_round_trip(moment: datetime) -> None:
    assert times.parse(times.text(moment)) == moment


@given(st.timedeltas(timedelta(hours=-14), timedelta(hours=14)))
def test_whatever_the_offset_a_time_is_shown_in_utc(offset: timedelta) -> None:
    zone = timezone(timedelta(minutes=offset // timedelta(minutes=1)))
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert times.text(noon.astimezone(zone)) == "2026-03-02T12:00:00.000000Z"


def test_after_adds_and_subtracts_seconds() -> None:
    assert times.after("2026-03-02T09:00:00.000000Z", 90) == "2026-03-02T09:01:30.000000Z"
    assert times.after("2026-03-02T09:00:00.000000Z", -0.5) == "2026-03-02T08:59:59.500000Z"


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30T00:00:00Z", "2026-03-02T09:00:00", "2026-03-02"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        times.parse(text)


def test_now_is_now() -> None:
    assert abs(datetime.now(UTC) - times.parse(times.now())) < timedelta(seconds=10)


def test_people_read_a_time_to_the_minute() -> None:
    assert times.in_words("2026-03-03T09:05:59.999999Z") == "3 March 2026, 09:05 UTC"
