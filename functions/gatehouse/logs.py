"""Structured logs and metrics. Events are never logged: some carry tokens."""

from functools import cache

from aws_lambda_powertools import Logger, Metrics


@cache
def logger() -> Logger:
    return Logger(service="gatehouse")


@cache
def metrics() -> Metrics:
    return Metrics(namespace="Gatehouse", service="gatehouse")
