"""The one lock of this package. A child of a fork gets it free, whoever held it in the parent."""

from __future__ import annotations

import os
from _thread import RLock

#: Held for moments, off the call path. It can be taken again by who has it: the collector may run a finaliser in the
#: middle that needs it.
lock = RLock()

if hasattr(os, "register_at_fork"):
    # Taken over the fork, so that what it guards is whole in the child: the first import of a module, too, which a
    # child could otherwise wait for for ever.
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
