"""The same program in other processes, where sets and dicts of objects come in another order."""

import subprocess
import sys


def outputs(program):
    """What a program writes under two seeds of the hash."""
    return [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join([".", *sys.path])},
        ).stdout
        for seed in ("1", "2")
    ]
