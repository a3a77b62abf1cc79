"""For all tests: Hypothesis does not look at the clock, since machines are noisy."""

from hypothesis import settings

settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")
