"""Processes forked from one that has imported everything, so that each starts in a moment.

A process has one such server, with the modules that it was first started with: so all tests name the same.
"""

from __future__ import annotations

import multiprocessing
import os
import sys

SERVER = multiprocessing.get_context("forkserver")
_IMPORTED = [
    "babilong_eval.commands.train",
    "babilong_eval.training.train",
    "babilong_gen.publish.push",
    "tests.publish.client",
]


def prepare_server() -> None:
    """Have the server, where it is not there yet, import what all tests need."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    SERVER.set_forkserver_preload(_IMPORTED)
