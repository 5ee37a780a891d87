"""Structured logs and metrics, named by POWERTOOLS_* variables. Events are never logged: some carry tokens."""

from functools import cache

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric


@cache
def logger() -> Logger:
    return Logger()


@cache
def metrics() -> Metrics:
    return Metrics()


def measure(name: str, unit: str, value: float, dimension: tuple[str, str] | None = None) -> None:
    """Write one metric of the stack, with one more dimension (name and value) if it is given."""
    with single_metric(name, MetricUnit(unit), value) as metric:
        if dimension:
            metric.add_dimension(*dimension)
