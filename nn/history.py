"""History: what ``fit`` measured in each epoch, and which way is better."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What happened in each epoch, in order: ``history["val_loss"]`` is a list of one number an epoch.

    Raises:
        KeyError: when asked for a name that it does not have.
    """

    loss: list[float] = field(default_factory=list)  # mean over the epoch's examples, each before its batch's step
    val_loss: list[float] = field(default_factory=list)  # mean over the examples held out, after the epoch
    metrics: dict[str, list[float]] = field(default_factory=dict)  # each by name, and of those held out as val_ and the name
    diverged: bool = False  # whether fit gave up, since numbers were no longer finite

    def names(self) -> list[str]:
        """What there are numbers of."""
        return [name for name, numbers in self._all().items() if numbers]

    def __getitem__(self, name: str) -> list[float]:
        found = self._all()
        if name not in found:
            raise KeyError(f"History has no '{name}'; it has {', '.join(found)}")
        return found[name]

    def last(self, name: str) -> float:
        """The newest number of ``name``.

        Raises:
            ValueError: there is none.
        """
        if name not in self.names():
            hint = "; pass validation= to fit" if str(name).startswith("val_") and not self.val_loss else ""
            raise ValueError(f"History: there is no {name} in {', '.join(self.names())}{hint}")
        return self[name][-1]

    def add(self, name: str, number: float) -> None:
        """Write down one more epoch's ``name``."""
        if name in ("loss", "val_loss"):
            getattr(self, name).append(number)
        else:
            self.metrics.setdefault(name, []).append(number)

    def _all(self) -> dict[str, list[float]]:
        return {"loss": self.loss, "val_loss": self.val_loss, **self.metrics}

    def __repr__(self) -> str:
        words = [f"{len(self.loss)} epochs"]
        words += [f"loss {self.loss[0]:.4g} → {self.loss[-1]:.4g}"] if self.loss else []
        words += [f"{name} {self.last(name):.4g}" for name in self.names() if name != "loss"]
        return f"History({', '.join(words)})"


def direction(asking: str, monitor: str, mode: str | None) -> float:
    """1.0 where less of ``monitor`` is better, -1.0 where more is: as ``mode`` says, ``"min"`` or ``"max"``; of a loss, less.

    Raises:
        ValueError: ``mode`` is neither, or nothing is said and it is no loss.
    """
    if mode is None and monitor in ("loss", "val_loss"):
        mode = "min"
    if mode not in ("min", "max"):
        raise ValueError(f"{asking}: say which {monitor} is better, mode='min' or mode='max'; not {mode!r}")
    return 1.0 if mode == "min" else -1.0
