"""What bench/target and bench/initiator share: contenders that take turns, and what is made of their numbers.

A machine is never quiet, so contenders play in rounds whose order rotates. A number is the median of the rounds, and a ratio is
the median of the ratios within a round, which other load disturbs less.
"""

import os
import statistics
import sys

import lab

# Other work on the machine should not decide. Each session is scheduled as one group, and this is its niceness.
PREFERRED = ["sh", "-c", 'echo -20 2>/dev/null >/proc/self/autogroup; exec "$@"', "sh"]


class Comparison:
    def __init__(self, arguments):
        self.arguments = arguments
        self.samples = {}  # what was measured -> contender -> one number a round
        self.troubles = []

    def wants(self, case):
        return not self.arguments.only or case in self.arguments.only

    def measure(self, task, *arguments):
        """Takes the samples of one case. Where something fails, the other cases still have theirs."""
        try:
            task(self, *arguments)
        except lab.Failure as failure:
            self.troubles.append(f"{task.__name__}: {failure}")

    def helper(self, name):
        return os.path.join(self.arguments.helpers, name)

    def builds(self, name, command):
        """The contender `name`, whose command is made from a program's path, and with --before the same of an earlier build."""
        contenders = {name: command(self.arguments.program)}
        if self.arguments.before:
            contenders["before"] = command(self.arguments.before)
        return contenders

    def note(self, what, contender, value):
        self.samples.setdefault(what, {}).setdefault(contender, []).append(value)

    def progress(self, text):
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def rounds(self, contenders):
        """The contenders of each round, by name, in an order that rotates."""
        names = list(contenders)
        for number in range(self.arguments.rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                self.progress(f"round {number + 1} of {self.arguments.rounds}: {name}")
                yield number, name, contenders[name]

    def median(self, what, contender):
        return statistics.median(self.samples[what][contender])

    def has(self, what, *contenders):
        return all(self.samples.get(what, {}).get(contender) for contender in contenders)

    def ratio(self, what, contender, other, other_what=None):
        pairs = zip(self.samples[what][contender], self.samples[other_what or what][other])
        return statistics.median(a / b for a, b in pairs)


def print_table(heading, rows):
    """As Markdown, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(heading, *rows)]
    for row in [heading, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    print()


def print_before(bench, name):
    """What was measured of both builds, where there is a ratio to tell."""
    rows = [[what, f"{bench.median(what, 'before'):.1f}", f"{bench.median(what, name):.1f}", f"{bench.ratio(what, name, 'before'):.2f}"]
            for what in bench.samples if bench.has(what, name, "before") and not what.endswith(("-idle", "-lost", "-again"))]
    if rows:
        print_table(["measured", "before", "now", "now / before"], rows)


def print_goals(goals):
    """Each goal with what was measured, and whether it was met: None where that can't be judged here."""
    verdicts = {True: "met", False: "not met", None: "cannot be met on this machine"}
    rows = [[goal, measured, verdicts[met]] for goal, measured, met in goals]
    if rows:
        print_table(["goal", "measured", "verdict"], rows)
