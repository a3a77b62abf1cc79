"""A run of fit that is killed again and again, and writes down the bits of all it ends with; what test_checkpoints starts.

    python interrupted.py CHECKPOINT RESULT KILLS

Each life is a child of a process that has only imported what it needs. (It is a process of its own, of one thread, since one
with the threads of a linear algebra library should not fork.)
"""

import hashlib
import json
import os
import signal
import sys
import time

import numpy as np

import nn
from autograd import Tensor


class Dawdle(nn.Callback):
    """Take a while for each step, so that there are many moments to be killed at."""

    def after_step(self, run):
        time.sleep(0.003)


def bits(arrays):
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name}{np.asarray(array).dtype}".encode() + np.asarray(array).tobytes())
    return digest.hexdigest()


def run(checkpoint, *, resume, slow=True, epochs=24):
    """Everything that has a state: dropout, running means, moments, a schedule, a shared generator, a share held out."""
    rng = np.random.default_rng(0)
    data = nn.data.moons(90, rng=1)
    model = nn.Sequential(
        nn.Dense(2, 8, "relu", rng=rng, kind=Tensor),
        nn.BatchNorm(8, kind=Tensor),
        nn.Dropout(0.3, rng=rng),
        nn.Dense(8, 1, rng=rng, kind=Tensor),
    )
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    record = nn.Record(every=3)
    stopping = nn.EarlyStopping(patience=5)
    plateau = nn.ReduceOnPlateau(patience=1, monitor="val_loss")
    callbacks = [nn.Checkpoint(checkpoint, every=2), stopping, plateau, record, *([Dawdle()] if slow else [])]
    history = nn.fit(
        model,
        data.x,
        data.y,
        loss=nn.bce_with_logits,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=8,
        rng=rng,
        validation=0.2,
        metrics=[nn.accuracy],
        callbacks=callbacks,
        resume=checkpoint if resume else None,
        verbose=False,
    )
    return {
        "model": bits(model.state_dict()),
        "history": json.dumps(vars(history)),
        "lr": optimizer.lr,
        "generator": str(rng.bit_generator.state),
        "record": bits({"loss": record.loss, **record.values, **{f"∂{name}": g for name, g in record.gradients.items()}}),
        "best": [stopping.best, stopping.best_epoch],
    }


def stamp(path):
    return os.stat(path).st_mtime_ns if os.path.exists(path) else 0


def live(checkpoint, result, seconds=None):
    """Go on with the run, in a child that is killed so long after it has written a checkpoint; whether it was."""
    began = stamp(checkpoint)
    child = os.fork()
    if not child:
        with open(os.devnull if seconds else result, "w") as file:
            json.dump(run(checkpoint, resume=True), file)
        os._exit(0)
    if seconds:
        while stamp(checkpoint) == began and not os.waitpid(child, os.WNOHANG)[0]:
            time.sleep(0.001)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


if __name__ == "__main__":
    checkpoint, result, kills = sys.argv[1:]
    rng = np.random.default_rng(0)
    print(sum(live(checkpoint, result, seconds) for seconds in rng.uniform(0, 0.02, int(kills))))
    live(checkpoint, result)
