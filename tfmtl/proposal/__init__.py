"""A first config for data that none describes: proposed from a sample of its rows, with reasons."""

from tfmtl.proposal.models import MODELS
from tfmtl.proposal.propose import propose

__all__ = ["MODELS", "propose"]
