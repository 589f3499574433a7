"""A headless Chromium, driven over its debugging pipe: no library, no port."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class BrowserError(Exception):
    pass


def executable():
    """Chromium's path, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    """One tab. What it asks of the network, what its console says and what fails in it is kept."""

    def __init__(self, path, width=1280, height=900, dark=False, language="en-GB"):
        self.profile = tempfile.mkdtemp(prefix="roost-browser-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        self.incoming, self.outgoing = ours_in, ours_out
        command = [
            path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
            "--hide-scrollbars", "--disable-dev-shm-usage", f"--lang={language}", f"--accept-lang={language}",
            f"--user-data-dir={self.profile}", f"--window-size={width},{height}", "about:blank"]

        def place():
            # The pipe is descriptors 3 (to it) and 4 (from it); the originals may be either.
            read, write = os.dup(theirs_in), os.dup(theirs_out)
            spare_read, spare_write = os.dup2(read, 30), os.dup2(write, 31)
            os.dup2(spare_read, 3)
            os.dup2(spare_write, 4)

        self.process = subprocess.Popen(
            command, preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer, self.number, self.events = b"", 0, []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        if dark:
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.incoming)
        os.close(self.outgoing)
        shutil.rmtree(self.profile, ignore_errors=True)

    def size(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def call(self, method, timeout=60, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.outgoing, data):]
        deadline = time.monotonic() + timeout
        while True:
            answer = self.receive(deadline)
            if answer is None:
                raise BrowserError(f"{method} was not answered within {timeout} s")
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return answer.get("result", {})

    def receive(self, deadline):
        """The next message; events are kept on the way."""
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.incoming], [], [], left)[0]:
                return None
            data = os.read(self.incoming, 1 << 20)
            if not data:
                raise BrowserError("the browser ended")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise BrowserError(f"{expression[:80]}: {result['exceptionDetails'].get('text')}")
        return result["result"].get("value")

    def until(self, expression, timeout=30):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            value = self.evaluate(expression)
            if value:
                return value
            self.receive(min(deadline, time.monotonic() + 0.1))
        raise BrowserError(f"{expression[:120]} did not come true within {timeout} s")

    def key(self, name):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode={
                "ArrowRight": 39, "Tab": 9, "Enter": 13, "Home": 36}.get(name, 0))

    def screenshot(self, path, full=True):
        parameters = {"format": "png", "captureBeyondViewport": full}
        data = base64.b64decode(self.call("Page.captureScreenshot", **parameters)["data"])
        with open(path, "wb") as file:
            file.write(data)

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """What the console and the page's own errors said."""
        said = []
        for event in self.events:
            method, body = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                details = body["exceptionDetails"]
                said.append(details.get("exception", {}).get("description") or details["text"])
            elif method == "Runtime.consoleAPICalled" and body["type"] in ("error", "warning", "assert"):
                said.append(" ".join(str(a.get("value", a.get("description"))) for a in body["args"]))
            elif method == "Log.entryAdded" and body["entry"]["level"] == "error":
                said.append(f"{body['entry']['text']} {body['entry'].get('url', '')}")
        return said
