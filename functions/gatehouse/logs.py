"""Structured logs and metrics, named by POWERTOOLS_* variables. Events are never logged: some carry tokens."""

from functools import cache

from aws_lambda_powertools import Logger, Metrics


@cache
def logger() -> Logger:
    return Logger()


@cache
def metrics() -> Metrics:
    return Metrics()
