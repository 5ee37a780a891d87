"""Entry points that no state machine calls: APIs, events, schedules."""
