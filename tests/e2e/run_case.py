"""Runs one scenario: python3 run_case.py --program P --server KIND NAME."""

import argparse
import faulthandler
import os
import pathlib
import signal
import sys

sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)

from e2e import cases, rig                                      # noqa: E402
from fakes import homeserver, synapse                           # noqa: E402

SKIPPED = 77


def server_for(case, kind, seed):
    if kind == "fake":
        return homeserver.Homeserver(seed=seed)
    if case.own_server or "LUNATRIX_TEST_SYNAPSE" not in os.environ:
        return synapse.Synapse(synapse.obtain())
    return synapse.Accounts(os.environ["LUNATRIX_TEST_SYNAPSE"])


def main():
    # kill -USR1 shows where a scenario hangs.
    faulthandler.register(signal.SIGUSR1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--server", choices=("fake", "synapse"),
                        default="fake")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("name")
    options = parser.parse_args()
    case = {c.name: c for c in cases.every()}[options.name]
    try:
        with server_for(case, options.server, options.seed) as server, \
                rig.Rig(options.program, server, options.seed,
                        options.keep) as stage:
            case.function(stage)
    except synapse.CannotObtain as why:
        print(why)
        return SKIPPED
    except rig.Skip as why:
        print(why)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
