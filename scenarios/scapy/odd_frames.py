"""Frames of random bytes behind an AoE header: a target may answer or not, and goes on.

Arguments: how many frames, and the seed of their bytes.
"""

import random

from aoe_scenario import scenario

with scenario() as play:
    count, seed = int(play.arguments[0]), int(play.arguments[1])
    chance = random.Random(seed)
    for tag in range(count):
        # Neither R (no answer is owed to that) nor a command that changes anything: 3 is reserve, 2 the mask list.
        command = chance.choice([4, 77, 200, 240, 255])
        rest = chance.randbytes(chance.randrange(0, play.mtu - 10))
        play.send(play.header(tag=tag, cmd=command, version=chance.randrange(16)) / rest)
    answer = play.ask(play.header(tag=0x5C5C5C5C, cmd=1))
    play.check(answer is not None, f"no answer to a query after {count} odd frames")
    play.measured("odd frames", count)
