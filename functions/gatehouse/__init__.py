"""Gatehouse: brings a person into an AWS account as an IAM user, never without the MFA guard."""
