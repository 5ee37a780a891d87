"""Sweeps as they are kept: JSON in S3, below the day they ran."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from gatehouse import times
from gatehouse.compliance.model import (
    Acted,
    Counts,
    Due,
    Exemption,
    Finding,
    Kind,
    Mode,
    Past,
    Rules,
    Sweep,
)
from gatehouse.logs import logger

LATEST = "latest.json"
"""The newest sweep that was published: the next one goes on from it."""


class UnreadableSweep(Exception):
    """What lies under the key is no sweep of this release."""


def key(sweep_id: str, at: str, name: str, folder: str = "") -> str:
    """Where a document of a sweep lies; `at` is when the sweep began, `folder` that of another account."""
    return f"{folder}sweeps/{times.parse(at):%Y/%m/%d}/{sweep_id}/{name}"


def findings_key(sweep_id: str, at: str, folder: str = "") -> str:
    return key(sweep_id, at, "findings.json", folder)


def save(s3: Any, bucket: str, sweep: Sweep, folder: str = "") -> str:
    """Write `findings.json`, over one of an earlier try, and return its key."""
    written = findings_key(sweep.sweep_id, sweep.at, folder)
    _put(s3, bucket, written, sweep)
    return written


def save_latest(s3: Any, bucket: str, sweep: Sweep, folder: str = "") -> None:
    """Let the next sweep go on from this one."""
    _put(s3, bucket, folder + LATEST, sweep)


def earlier(s3: Any, bucket: str, folder: str = "") -> Sweep | None:
    """The sweep that was published last. Without it everything is found anew, and nobody is acted on sooner."""
    try:
        return load(s3, bucket, folder + LATEST)
    except s3.exceptions.NoSuchKey:
        logger().warning("no earlier sweep")
    except UnreadableSweep as error:
        logger().error("the earlier sweep is unreadable", cause=str(error))
    return None


def load(s3: Any, bucket: str, key: str) -> Sweep:
    """The sweep under a key. Raises the client's NoSuchKey, or UnreadableSweep."""
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        return from_json(text)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableSweep(f"{key}: {type(error).__name__}") from None


def to_json(sweep: Sweep) -> str:
    return json.dumps(sweep, default=_fields, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str | bytes) -> Sweep:
    """Raises KeyError, TypeError or ValueError where it is none of this release."""
    document = json.loads(text)
    return Sweep(
        **document
        | {
            "rules": Rules(**document["rules"] | {"mode": Mode(document["rules"]["mode"])}),
            "counts": Counts(**document["counts"]),
            "findings": tuple(map(_finding, document["findings"])),
            "resolved": tuple(map(_finding, document["resolved"])),
            "past": tuple(Past(one["at"], Counts(**one["counts"])) for one in document["past"]),
            "acted": tuple(Acted(**one | {"action": Mode(one["action"])}) for one in document["acted"]),
        }
    )


def _finding(document: Mapping[str, Any]) -> Finding:
    exemption, due = document["exemption"], document["due"]
    return Finding(
        **{
            **document,
            "kind": Kind(document["kind"]),
            "exemption": Exemption(**exemption) if exemption else None,
            "due": Due(**due | {"action": Mode(due["action"])}) if due else None,
        }
    )


def _fields(value: Any) -> dict[str, Any]:
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no place in a sweep")
    return {one.name: getattr(value, one.name) for one in fields(value)}


def _put(s3: Any, bucket: str, key: str, sweep: Sweep) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=to_json(sweep).encode(), ContentType="application/json")
