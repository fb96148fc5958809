"""``python -m soak``: one run, its counts, its verdict; the exit code is 1 when a promise was broken."""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from passback.local.stack import accept_interruptions
from soak.broken import BROKEN, run_broken
from soak.plan import Size, make_plan
from soak.run import soak
from soak.telling import kept, tell

SIZES = {"short": Size(outcomes=400, seconds=28.0, kills=6), "long": Size(outcomes=6000, seconds=900.0, kills=200)}
DRAIN_WITHIN = {"short": 40.0, "long": 240.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run once."""
    options = _parser().parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else int(options.seed)
    if options.broken:
        return run_broken(options.broken, options.size, seed)
    accept_interruptions()
    plan, folder = make_plan(seed, SIZES[options.size]), Path(tempfile.mkdtemp(prefix="passback-soak-"))
    print(f"soak: {options.size}, seed {seed}, {len(plan.outcomes)} outcomes, {len(plan.cells)} cells", flush=True)
    keep = options.keep
    try:
        report = soak(plan, folder, DRAIN_WITHIN[options.size])
        print("\n".join(tell(report)))
        keep = keep or not kept(report)
        return 0 if kept(report) else 1
    except KeyboardInterrupt:
        print("soak: stopped.")
        return 130
    except BaseException:
        keep = True
        raise
    finally:
        if keep:
            print(f"soak: logs are in {folder / 'logs'}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--size", choices=tuple(SIZES), default="short")
    parser.add_argument("--seed", type=int, help="repeat the plan of a run; by default a new one")
    parser.add_argument("--keep", action="store_true", help="keep the logs also when all is well")
    parser.add_argument("--broken", choices=tuple(BROKEN), help="on a copy with one safeguard taken out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
