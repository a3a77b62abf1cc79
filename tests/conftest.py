"""For all tests: Hypothesis does not look at the clock, since machines are noisy; and Ctrl-C is heard by what tests start."""

import signal

from hypothesis import settings

settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")

# Scripts start what runs in the background with SIGINT ignored, which processes pass on to those they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
