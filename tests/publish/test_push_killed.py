"""A push that is killed at any moment is continued by the same command."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

from tests.publish.client import start_push
from tests.publish.hub import Hub
from tests.publish.test_push import published

KILLS = 5


def test_killed_at_random_moments_it_ends_in_the_same_tree(
    hub: Hub, environment: dict[str, str], many_shards: Path
) -> None:
    rng = random.Random(6)
    kills = repos = 0
    while kills < KILLS:
        repo, repos = f"me/facts{repos}", repos + 1
        hub.forget_objects()
        while True:  # the same command again and again, until it is through
            moment = (len(hub.asked) + rng.randint(1, 90), rng.choice(["before", "after"]))
            running = start_push([str(many_shards), repo], environment)
            assert running.pid is not None
            hub.watch = killer(running.pid, moment)
            running.join()
            if running.exitcode == 0:
                break
            assert running.exitcode == -signal.SIGKILL
            kills += 1
        assert hub.tree(repo) == published(many_shards)


def killer(process: int, moment: tuple[int, str]) -> Callable[[int, str], None]:
    """Kills a process before or after its Nth request is answered."""

    def watch(number: int, when: str) -> None:
        if (number, when) == moment:
            os.kill(process, signal.SIGKILL)

    return watch
