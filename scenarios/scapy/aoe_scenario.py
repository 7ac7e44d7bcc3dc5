"""What a `scapy` step hands to its script, and how the script answers.

A script is run with Python 3 where the initiator is, as root there, and plays on its interface beside it:

    from aoe_scenario import scenario

    with scenario() as play:
        answer = play.ask(play.header(tag=7, cmd=1))
        play.check(answer is not None, "no answer to a query")

It passes if it comes to its end and no check failed; an exception is a failure that tells what happened.
"""

import contextlib
import json
import sys
import traceback


class Scenario:
    """The surroundings: interface, initiator, target (MAC addresses), shelf, slot, mtu, arguments."""

    def __init__(self, given, arguments):
        self.interface = given["interface"]
        self.initiator = given["initiator"]
        self.target = given["target"]
        self.shelf = given["shelf"]
        self.slot = given["slot"]
        self.mtu = given["mtu"]
        self.arguments = arguments
        self.failures = 0
        self._results = open(given["results"], "a", encoding="utf-8")  # closed with the process

    def _tell(self, **result):
        self._results.write(json.dumps(result) + "\n")
        self._results.flush()

    def header(self, **fields):
        """Ethernet and AoE, from the initiator to the target; fields as scapy.contrib.aoe names them."""
        from scapy.contrib.aoe import AOE
        from scapy.layers.l2 import Ether

        ethernet = Ether(src=fields.pop("src", self.initiator), dst=fields.pop("dst", self.target), type=0x88A2)
        return ethernet / AOE(**{"major": self.shelf, "minor": self.slot} | fields)

    def send(self, frame):
        from scapy.sendrecv import sendp

        sendp(frame, iface=self.interface, verbose=False)

    def ask(self, frame, timeout=2):
        """Sends a frame and waits for the answer with its tag; None where there is none."""
        from scapy.contrib.aoe import AOE
        from scapy.sendrecv import AsyncSniffer, sendp

        tag = frame[AOE].tag
        sniffer = AsyncSniffer(
            iface=self.interface,
            lfilter=lambda seen: AOE in seen and bytes(seen[AOE])[0] & 8 and seen[AOE].tag == tag,
            count=1,
            timeout=timeout,
            started_callback=lambda: sendp(frame, iface=self.interface, verbose=False),
        )
        sniffer.start()
        sniffer.join()
        return sniffer.results[0] if sniffer.results else None

    def measured(self, name, value, unit=""):
        """Something to be told, whatever the result."""
        self._tell(measured=name, value=value, unit=unit)

    def fail(self, message):
        self.failures += 1
        self._tell(failed=message)

    def check(self, holds, message):
        if not holds:
            self.fail(message)


@contextlib.contextmanager
def scenario():
    play = Scenario(json.loads(sys.argv[1]), sys.argv[2:])
    try:
        import scapy  # noqa: F401
    except ImportError:
        play._tell(unsupported="scapy is not installed: apt-get install python3-scapy")
        sys.exit(0)
    try:
        yield play
    except Exception as error:  # told, whatever it is
        traceback.print_exc()
        play.fail(f"{type(error).__name__}: {error}")
    if play.failures == 0:
        play._tell(passed=True)
