"""What a sweep judges by, as the stack's parameters stand in the environment of the functions that judge."""

from dataclasses import dataclass

from gatehouse.compliance.model import Mode, Rules
from gatehouse.compliance.password_policy import Wanted


@dataclass(frozen=True)
class Standards:
    """Settings, each a parameter of the template."""

    compliance_mode: str
    compliance_dry_run: str
    remind_after_days: int
    remind_every_days: int
    restrict_after_days: int
    suspend_after_days: int
    act_on_outsiders: str
    circuit_breaker_percent: int
    key_age_days: int
    unused_days: int
    password_age_days: int
    root_used_days: int
    stuck_days: int
    password_minimum_length: int
    password_required_characters: str
    password_max_age_days: int
    password_reuse_prevention: int

    @property
    def rules(self) -> Rules:
        return Rules(
            mode=Mode(self.compliance_mode),
            dry_run=self.compliance_dry_run == "true",
            remind_after_days=self.remind_after_days,
            remind_every_days=self.remind_every_days,
            restrict_after_days=self.restrict_after_days,
            suspend_after_days=self.suspend_after_days,
            outsiders=self.act_on_outsiders == "true",
            circuit_breaker_percent=self.circuit_breaker_percent,
            key_age_days=self.key_age_days,
            unused_days=self.unused_days,
            password_age_days=self.password_age_days,
            root_used_days=self.root_used_days,
            stuck_days=self.stuck_days,
        )

    @property
    def wanted(self) -> Wanted:
        """The password policy that the account is held against."""
        return Wanted.of(
            self.password_minimum_length,
            self.password_required_characters,
            self.password_max_age_days,
            self.password_reuse_prevention,
        )
