"""``python -m viz``: the ``stepgrad`` command."""

from .cli import main

raise SystemExit(main())
