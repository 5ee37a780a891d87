"""What an onboarding costs follows from what it used."""

from dataclasses import replace

import pytest

from local import prices

NOTHING = prices.Usage(
    transitions=0, invocations=0, cpu=0, calls=0, recipients=0, requests=0, writes=0, transacted=0, reads=0,
    secret_calls=0, key_uses=0, record=1,
)  # fmt: skip


def dollars(name: str, **used: float) -> float:
    return prices.cost(replace(NOTHING, **used))[name][1]


def test_ten_transitions_cost_a_quarter_of_a_thousandth() -> None:
    assert dollars("Step Functions", transitions=10) == pytest.approx(0.00025)


def test_every_recipient_of_a_mail_is_paid_for() -> None:
    assert dollars("SES", recipients=5) == pytest.approx(0.0005)


def test_less_memory_has_less_processor_and_takes_longer() -> None:
    gigabytes = prices.MEMORY_MB / 1024
    seconds = prices.FULL_CORE_MB / prices.MEMORY_MB
    assert dollars("Lambda duration", cpu=1) == pytest.approx(seconds * gigabytes * 0.0000133334)
    assert dollars("Lambda duration", calls=100) == pytest.approx(3 * gigabytes * 0.0000133334)


def test_a_write_costs_by_the_size_of_the_record_and_twice_in_a_transaction() -> None:
    unit = 0.625e-6
    indexes = prices.INDEX_WRITES * unit
    assert dollars("DynamoDB writes", writes=3, record=2049) == pytest.approx(9 * unit + indexes)
    assert dollars("DynamoDB writes", writes=3, transacted=3, record=1024) == pytest.approx(6 * unit + indexes)
