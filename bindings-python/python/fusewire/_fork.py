"""The one lock of this package. A child of a fork gets it free, whoever held it in the parent."""

from __future__ import annotations

import os
from _thread import RLock

#: Held for moments, off the call path, around single steps that leave things whole at any point. It can be taken again
#: by who has it: the collector may run a finaliser in the middle that needs it.
#:
#: It is not held over a fork: who forks may hold the locks of others then, `logging`'s for one, and who holds this one
#: may want those.
lock = RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[attr-defined]
