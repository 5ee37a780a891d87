"""Settings name what is missing, and are read once."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from gatehouse import settings


@dataclass(frozen=True)
class Declared:
    table_name: str
    patience_seconds: int


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "records")
    monkeypatch.delenv("PATIENCE_SECONDS", raising=False)
    with pytest.raises(settings.MissingSetting, match=r"^PATIENCE_SECONDS is not set$"):
        settings.load(Declared)


def test_values_are_read_once_and_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "records")
    monkeypatch.setenv("PATIENCE_SECONDS", "90")
    loaded = settings.load(Declared)
    monkeypatch.setenv("TABLE_NAME", "others")
    assert settings.load(Declared) is loaded
    assert (loaded.table_name, loaded.patience_seconds) == ("records", 90)
    with pytest.raises(FrozenInstanceError):
        loaded.table_name = "others"


def test_an_empty_variable_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "")
    monkeypatch.setenv("PATIENCE_SECONDS", "0")
    assert settings.load(Declared) == Declared("", 0)
