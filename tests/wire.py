"""A page without a browser: the socket that a page opens, and what it says there."""

import json
import struct
import uuid
from contextlib import ExitStack
from urllib.parse import urlsplit

from websockets.sync.client import connect

WAIT = 90.0  # seconds until a test gives up: never a measure of speed
THEMES = {"light": {}, "dark": {}}


class _Socket:
    """A socket to the server at an address."""

    def __init__(self, address, where, **options):
        place = urlsplit(address)
        options.setdefault("origin", f"http://{place.netloc}")
        self._stack = ExitStack()
        opening = connect(f"ws://{place.netloc}{where}", max_size=None, **options)
        self.socket = self._stack.enter_context(opening)

    def wait_for(self, holds):
        while not (found := holds(self.hear())):
            pass
        return found

    def close(self):
        self._stack.close()

    def drop(self):
        """Go without a word, as when a browser is killed."""
        self.socket.socket.shutdown(2)


class Wire(_Socket):
    """A socket like that of the class page."""

    def __init__(self, address, **options):
        super().__init__(address, "/play", **options)

    def tell(self, **command):
        self.socket.send(json.dumps(command))

    def hear(self, timeout=WAIT):
        """Return the next message, without its parts."""
        data = self.socket.recv(timeout)
        (length,) = struct.unpack_from("<I", data)
        return json.loads(data[4 : 4 + length])

    def start(self, query="seed=7"):
        """Start a patient; return what is said first that is no status: a frame, or an error."""
        self.tell(do="open", query=query)
        return self.wait_for(lambda said: said if said["kind"] in ("frame", "error") else None)


class LabWire(_Socket):
    """A socket like that of the lab, which is Solara's."""

    def __init__(self, address, **options):
        self.kernel, self.page = str(uuid.uuid4()), str(uuid.uuid4())
        where = f"/jupyter/api/kernels/{self.kernel}/channels?session_id={self.page}"
        super().__init__(address, where, **options)

    def send(self, kind, content):
        header = {"msg_id": str(uuid.uuid4()), "msg_type": kind, "session": self.page}
        header |= {"username": "", "version": "5.2", "date": "2026-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))

    def hear(self, timeout=WAIT):
        """Return the next message; its buffers are left out."""
        message = self.socket.recv(timeout)
        if isinstance(message, bytes):
            first, second = struct.unpack_from("!II", message, 4)
            message = message[first:second]
        return json.loads(message)

    def run(self):
        """Show the page, and return the id of its widget."""
        control = str(uuid.uuid4())
        self.send("comm_open", {"comm_id": control, "target_name": "solara.control", "data": {}})
        args = {"path": "lab", "appName": None, "themes": THEMES, "dark": False}
        self.send("comm_msg", {"comm_id": control, "data": {"method": "run", "args": args}})
        return self.wait_for(_widget)


def _widget(message):
    content = message.get("content", {})
    if message["header"]["msg_type"] != "comm_open":
        return None
    state = content.get("data", {}).get("state", {})
    return content["comm_id"] if "_anywidget_id" in state else None
