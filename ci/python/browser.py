"""A headless Chromium without a network, driven over the DevTools protocol.

    with browser.Browser() as chromium:
        page = chromium.open("/tmp/report.html#case-1", width=1280, height=800)
        assert page.evaluate("document.title") == "…"
        assert page.complaints == [] and page.requests == ["file:///tmp/report.html"]

Call lab.require("chromium") and lab.require_namespaces() first: then there is nothing that it could reach.
"""

import base64
import collections
import json
import os
import select
import subprocess
import tempfile
import time


class Failure(AssertionError):
    """The browser did not do what it was told."""


class Browser:
    """One process of Chromium, with a profile of its own that goes with it."""

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        # The protocol is spoken on descriptors 3 and 4; high copies first, for these may be in use.
        command = ["sh", "-c", f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"', "sh",
                   "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-sync",
                   "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}", "about:blank"]
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                         pass_fds=[to_browser, from_browser])
        os.close(to_browser)
        os.close(from_browser)
        self._unread = b""
        self._messages = 0
        self.events = collections.deque()
        return self

    def __exit__(self, kind, error, trace):
        try:
            self.call("Browser.close")
            self._process.wait(10)
        except (Failure, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        if kind is not None:
            self._log.seek(0)
            print(self._log.read().decode(errors="replace")[-2000:])
        self._log.close()
        self._profile.cleanup()

    def call(self, method, session=None, timeout=30, **parameters):
        """The result of a method of the protocol. Events that come before it are kept in `events`."""
        self._messages += 1
        message = {"id": self._messages, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        try:
            os.write(self._out, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise Failure("Chromium has ended") from None
        deadline = time.monotonic() + timeout
        while True:
            answer = self.receive(deadline)
            if answer is None:
                raise Failure(f"{method}: no answer in {timeout} s")
            if answer.get("id") == self._messages:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def receive(self, deadline):
        """The next message; None when none comes before the deadline."""
        while b"\0" not in self._unread:
            if not select.select([self._in], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise Failure("Chromium has ended")
            self._unread += piece
        message, self._unread = self._unread.split(b"\0", 1)
        return json.loads(message)

    def open(self, path, width=1280, height=900, dark=False, scripts=True):
        """A page, loaded and laid out; without `scripts`, its own don't run."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session, path, width, height, dark, scripts)


class Page:
    """A tab. `requests` are the addresses it has asked for, `complaints` what stands in its console."""

    def __init__(self, browser, session, path, width, height, dark, scripts):
        self._browser = browser
        self._session = session
        self.requests = []
        self.complaints = []
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self._call(f"{domain}.enable")
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia",
                   features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._call("Page.navigate", url="file://" + path)
        deadline = time.monotonic() + 30
        while self.evaluate("document.readyState") != "complete":
            if time.monotonic() > deadline:
                raise Failure(f"{path} is not loaded after 30 s")

    def _call(self, method, **parameters):
        result = self._browser.call(method, self._session, **parameters)
        self._sort_events()
        return result

    def _sort_events(self):
        while self._browser.events:
            event = self._browser.events.popleft()
            told = event.get("params", {})
            if event.get("sessionId") != self._session:
                continue
            if event["method"] == "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            elif event["method"] == "Log.entryAdded":
                self.complaints.append(told["entry"]["text"])
            elif event["method"] == "Runtime.exceptionThrown":
                self.complaints.append(told["exceptionDetails"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled":
                self.complaints.append(str([argument.get("value") for argument in told["args"]]))

    def evaluate(self, expression):
        """The value of an expression of JavaScript."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failure(f"{expression}\n{result['exceptionDetails']}")
        return result["result"].get("value")

    def screenshot(self, path, selector="html", margin=12):
        """A PNG of one element, however much of it there is to see."""
        box = self.evaluate(f"(() => {{ const box = document.querySelector({json.dumps(selector)})"
                            ".getBoundingClientRect(); return [box.x + scrollX, box.y + scrollY, box.width, box.height];"
                            " })()")
        x, y, width, height = box
        clip = {"x": max(0, x - margin), "y": max(0, y - margin), "width": width + 2 * margin,
                "height": height + 2 * margin, "scale": 1}
        image = self._call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))
