"""A small IMAP server for tests: one user, folders of mails, the commands that a polling client needs."""

from __future__ import annotations

import base64
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PASSWORD = "let me in"


@dataclass
class Folder:
    """`mails` by UID; `said_size` lets a mail say that it is larger than it is."""

    validity: int = 7
    next_uid: int = 1
    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    said_size: dict[int, int] = field(default_factory=dict)

    def add(self, raw: bytes) -> int:
        uid = self.next_uid
        self.next_uid += 1
        self.mails[uid] = raw
        return uid


@dataclass
class Imap:
    port: int = 0
    folders: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder()})
    fetched: list[str] = field(default_factory=list)
    token: str = ""  # the one that AUTHENTICATE XOAUTH2 takes
    sasl: list[str] = field(default_factory=list)  # what came with it

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]


class Session(socketserver.StreamRequestHandler):
    box: Imap
    folder: Folder | None = None

    def say(self, text: str | bytes) -> None:
        self.wfile.write((text if isinstance(text, bytes) else text.encode()) + b"\r\n")

    def handle(self) -> None:
        self.say("* OK [CAPABILITY IMAP4rev1] ready")
        while line := self.rfile.readline().decode("utf-8", "replace").strip():
            tag, _space, rest = line.partition(" ")
            command, _space, words = rest.partition(" ")
            if command.upper() == "UID":
                command, _space, words = words.partition(" ")
            reply = getattr(self, f"do_{command.lower()}", self.do_unknown)(words)
            self.say(f"{tag} {reply} done")
            if command.upper() == "LOGOUT":
                return

    def do_unknown(self, words: str) -> str:
        return "BAD what"

    def do_capability(self, words: str) -> str:
        self.say("* CAPABILITY IMAP4rev1")
        return "OK"

    def do_login(self, words: str) -> str:
        return "OK" if words == f'support "{PASSWORD}"' else "NO [AUTHENTICATIONFAILED] wrong password"

    def do_authenticate(self, words: str) -> str:
        self.say("+ ")
        said = base64.b64decode(self.rfile.readline().strip()).decode()
        self.box.sasl.append(said)
        if words == "XOAUTH2" and said == f"user=support\x01auth=Bearer {self.box.token}\x01\x01":
            return "OK"
        self.say("+ " + base64.b64encode(b'{"status":"400"}').decode())  # as Google says what is wrong
        assert self.rfile.readline().strip() == b""
        return "NO [AUTHENTICATIONFAILED] wrong token"

    def do_logout(self, words: str) -> str:
        self.say("* BYE")
        return "OK"

    def do_select(self, words: str) -> str:
        folder = self.box.folders.get(words.strip('"'))
        if folder is None:
            return "NO no such folder"
        self.folder = folder
        self.say(f"* {len(folder.mails)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {folder.validity}] here")
        self.say(f"* OK [UIDNEXT {folder.next_uid}] here")
        return "OK [READ-WRITE]"

    do_examine = do_select

    def do_search(self, words: str) -> str:
        assert self.folder is not None
        uids = sorted(self.folder.mails)
        if found := re.fullmatch(r"UID (\d+):\*", words):
            low = int(found[1])
            uids = [uid for uid in uids if uid >= low] or uids[-1:]  # n:* always names the last one
        self.say("* SEARCH " + " ".join(map(str, uids)))
        return "OK"

    def do_fetch(self, words: str) -> str:
        assert self.folder is not None
        uid = int(words.split(" ")[0])
        raw = self.folder.mails.get(uid)
        self.box.fetched.append(words)
        if raw is None:
            return "OK"
        if "SIZE" in words:
            size = self.folder.said_size.get(uid, len(raw))
            self.say(f'* 1 FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE "20-Nov-2026 10:00:00 +0000")')
            return "OK"
        if part := re.search(r"<0\.(\d+)>", words):
            raw = raw[: int(part[1])]
        self.wfile.write(f"* 1 FETCH (UID {uid} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
        return "OK"

    def do_store(self, words: str) -> str:
        assert self.folder is not None
        self.folder.seen.add(int(words.split(" ")[0]))
        return "OK"


@contextmanager
def imap_server() -> Iterator[Imap]:
    """A server at 127.0.0.1 on a free port, without TLS. The user is "support", the password PASSWORD; or a `token`."""
    box = Imap()
    handler = type("Session", (Session,), {"box": box})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
