"""A phone in another language: a whole visit without signal, against the real server.

usage: visit.py away|back ASKED.json

`away` logs in, enrols the phone, fetches the draft, works without a network and is killed in the
middle of it. `back` is started anew with nothing but the phone's files: it comes back into the
network, settles what somebody else wrote meanwhile, uploads the photos, and prints what it came to
as one line of JSON.

The engine is the one in Rust, through the code that is generated for Python; the rest is the standard
library: HTTP by urllib, the store in a file, the device key as in RFC 8032.
"""
import base64
import gzip
import hashlib
import json
import os
import signal
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

STAGE = sys.argv[1]
ASKED = json.loads(Path(sys.argv[2]).read_text())
sys.path[:0] = [ASKED["module"], ASKED["verifier"]]

import chakan_phone as ck  # noqa: E402  generated
import verify_evidence as ed25519  # noqa: E402  the curve, and the check of signatures

HOME, CASE = Path(ASKED["home"]), ASKED["case_id"]
LINES = [str(uuid.UUID(int=uuid.UUID(CASE).int ^ n)) for n in (1, 2)]
FEE = "rates/parts_management_bp"


def keep(path, text):
    """Writes a file so that it is there whole, or not at all, whatever happens."""
    beside = path.with_suffix(".new")
    with open(beside, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


class FileStore(ck.PhoneStore):
    """What must survive, in one file."""

    def __init__(self, path):
        self.path = path
        self.values = json.loads(path.read_text()) if path.exists() else {}

    def put(self, name, bytes):
        self.values[name] = base64.b64encode(bytes).decode()
        keep(self.path, json.dumps(self.values))

    def remove(self, name):
        self.values.pop(name, None)
        keep(self.path, json.dumps(self.values))

    def all(self):
        return [ck.StoredValue(name=name, bytes=base64.b64decode(text)) for name, text in self.values.items()]


class Key:
    """An Ed25519 key; a real phone has it in its keystore."""

    def __init__(self, secret):
        half = hashlib.sha512(secret).digest()
        self.scalar = int.from_bytes(half[:32], "little") & ((1 << 254) - 8) | (1 << 254)
        self.prefix = half[32:]
        self.public = self.packed(ed25519.multiply(self.scalar, ed25519.BASE))

    @staticmethod
    def packed(point):
        x, y, z, _ = point
        inverse = pow(z, ed25519.P - 2, ed25519.P)
        x, y = x * inverse % ed25519.P, y * inverse % ed25519.P
        return (y | (x & 1) << 255).to_bytes(32, "little")

    def sign(self, text):
        nonce = int.from_bytes(hashlib.sha512(self.prefix + text.encode()).digest(), "little") % ed25519.L
        start = self.packed(ed25519.multiply(nonce, ed25519.BASE))
        k = int.from_bytes(hashlib.sha512(start + self.public + text.encode()).digest(), "little")
        end = (nonce + k * self.scalar) % ed25519.L
        return base64.b64encode(start + end.to_bytes(32, "little")).decode()


class Server:
    """The way to the server; `token` says who asks."""

    def __init__(self, token=None):
        self.token, self.reachable = token, True
        self.requests = self.sent = 0

    def send(self, method, path, body=None, headers=()):
        headers = {"idempotency-key": str(uuid.uuid4()), **dict(headers)}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        self.requests += 1
        self.sent += len(body or b"")
        asked = urllib.request.Request(ASKED["base"] + path, data=body, headers=headers, method=method)
        try:
            reply = urllib.request.urlopen(asked, timeout=60)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            return reply.status, dict((k.lower(), v) for k, v in reply.headers.items()), reply.read()

    def ask(self, method, path, body=None):
        packed = None if body is None else json.dumps(body).encode()
        status, _, said = self.send(method, "/api/v1" + path, packed, {"content-type": "application/json"})
        assert status in (200, 201), (status, said)
        return json.loads(said)


class Surveyor:
    """Somebody with a phone: the app around the engine."""

    def __init__(self, name, token, install_id, key=None):
        self.server, self.key = Server(token), key
        # The engine reads no clock: this one goes only when the phone waits.
        self.now = ASKED["now_ms"]
        self.name, self.install_id = name, install_id
        self.open()

    def open(self):
        self.phone = ck.Phone.open(FileStore(HOME / f"{self.name}.json"), self.install_id, 7)

    def post(self, exchange, answer_is_lost=False):
        if self.key:
            exchange.sign([self.key.sign(text) for text in exchange.texts_to_sign()])
        # The large exchange goes packed, in the form of fewer bytes.
        large = exchange.path().endswith("/sync")
        form, kind = (ck.Form.CBOR, "application/cbor") if large else (ck.Form.JSON, "application/json")
        headers = {"content-type": kind, "accept": kind}
        body = bytes(exchange.body(form))
        if large:
            headers["content-encoding"], body = "gzip", gzip.compress(body)
        if not self.server.reachable:
            return self.phone.unanswered(exchange, self.now)
        status, headers, body = self.server.send("POST", exchange.path(), body, headers)
        if answer_is_lost:
            return self.phone.unanswered(exchange, self.now)
        cbor = headers.get("content-type", "").startswith("application/cbor")
        wait = headers.get("retry-after")
        answer = ck.Answer(
            status=status, body=body, form=ck.Form.CBOR if cbor else ck.Form.JSON,
            retry_after_s=int(wait) if wait else None)
        return self.phone.answered(exchange, self.now, answer)

    def run(self, upload=None):
        """Does what the engine says until nothing is left, or no network."""
        for _ in range(100):
            step = self.phone.next_step(self.now)
            if isinstance(step, ck.NextStep.POST):
                self.post(step.exchange)
            elif isinstance(step, ck.NextStep.UPLOAD) and upload:
                upload(step.photo, step.preview)
            elif isinstance(step, ck.NextStep.WAIT) and self.server.reachable:
                self.now = step.until
            else:
                return step
        raise AssertionError("no end")

    def draft(self):
        return json.loads(self.phone.draft(CASE))

    def conflicts(self):
        return self.phone.standing(CASE).conflicts

    def unsent(self):
        return sorted(type(item).__name__.split(".")[-1].lower() for item in self.phone.unsent())


def number(value):
    return ck.FieldValue.NUMBER(value=value)


def text(value):
    return ck.FieldValue.TEXT(value=value)


def fields(**values):
    pick = lambda value: number(value) if isinstance(value, int) else text(value)  # noqa: E731
    return [ck.FieldEntry(name=name, value=pick(value)) for name, value in values.items()]


def rfc3339(ms):
    from datetime import datetime, timezone
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def photos():
    for number_, path in enumerate(sorted(Path(ASKED["photos"]).iterdir())):
        original = path.read_bytes()
        yield str(uuid.UUID(int=uuid.UUID(CASE).int ^ (100 + number_))), original, hashlib.sha256(original).hexdigest()


def log_in(username, **proof):
    return Server().ask("POST", "/auth/login", {"username": username, "password": ASKED["password"], **proof})


def enrolled():
    """Logs in, and enrols this phone with a key of its own."""
    username, now = ASKED["surveyor"], ASKED["now_ms"]
    secret, device = os.urandom(32), str(uuid.uuid4())
    key = Key(secret)
    first = Server(log_in(username)["access_token"])
    person = first.ask("GET", "/auth/me")["id"]
    first.ask("POST", "/devices", {
        "id": device, "public_key": base64.b64encode(key.public).decode(), "name": "查勘手机",
        "platform": "Python", "proof": key.sign(f"chakan-enrol:{device}:{person}")})
    proof = {"at": rfc3339(now), "signature": key.sign(f"chakan-login:{username}:{device}:{now}")}
    token = log_in(username, device_id=device, device_proof=proof)["access_token"]
    mine = {"token": token, "secret": secret.hex(), "install_id": str(uuid.uuid4())}
    keep(HOME / "mine.json", json.dumps(mine))
    return mine


def away():
    mine = enrolled()
    me = Surveyor("surveyor", mine["token"], mine["install_id"], Key(bytes.fromhex(mine["secret"])))
    phone = me.phone
    phone.want(CASE)
    assert isinstance(me.run(), ck.NextStep.IDLE)
    assert phone.standing(CASE).is_here and phone.unsent() == []

    # No signal from here on.
    me.server.reachable = False
    body = {"reached": True, "plan": "on_site"}
    place = {"position": {"lat": 30.2741, "lon": 120.1302, "accuracy_m": 8.0}}
    for kind, what in [("record_contact", body), ("record_arrival", place)]:
        phone.note(ck.FieldEvent(
            id=str(uuid.uuid4()), case_id=CASE, kind=kind, occurred_at=me.now, body=json.dumps(what)))
    me.now += 60_000
    phone.add(CASE, f"lines/{LINES[0]}", fields(kind="replace", name="前保险杠皮", unit_price_fen=86_000), [], me.now)
    phone.add(CASE, f"lines/{LINES[1]}", fields(kind="replace", name="左前雾灯", unit_price_fen=18_833), [], me.now)
    phone.write_form(CASE, f"lines/{LINES[0]}", fields(qty_milli=1_000, part_source="oe_market"), me.now)
    phone.write(CASE, FEE, number(800), me.now)
    phone.write(CASE, "scene/description", text("追尾前车，前部受损🚗"), me.now)
    for shown in ("文", "文三", "文三路与学院路口"):
        phone.type_in(CASE, "scene/place", text(shown), me.now)
    try:
        phone.write(CASE, f"lines/{LINES[0]}/unit_price_fen", text("dear"), me.now)
        raise AssertionError("a price that is no number")
    except ck.PhoneError.WrongType:
        pass
    for photo, original, sha256 in photos():
        evidence = fields(sha256=sha256, size_bytes=len(original), captured_at_ms=me.now, slot="damage_close")
        phone.add(CASE, f"photos/{photo}", evidence, [], me.now)
        phone.add_photo(ck.NewPhoto(
            case_id=CASE, id=photo, sha256=sha256, size=len(original), preview_sha256=None,
            declaration=json.dumps({"slot": "damage_close", "captured_at": rfc3339(me.now)})))
    me.now += 3_000
    phone.look()
    assert isinstance(me.run(), ck.NextStep.WAIT)
    assert me.unsent() == ["changes", "event", "event"] + ["photo"] * len(list(photos())), me.unsent()
    # Still being typed when the app is killed.
    phone.type_in(CASE, "scene/weather", text("rain"), me.now)
    keep(HOME / "before.json", json.dumps({"draft": me.draft(), "now": me.now}))
    os.kill(os.getpid(), signal.SIGKILL)


def back():
    mine, before = (json.loads((HOME / name).read_text()) for name in ("mine.json", "before.json"))
    me = Surveyor("surveyor", mine["token"], mine["install_id"], Key(bytes.fromhex(mine["secret"])))
    me.now = before["now"]
    count = len(list(photos()))
    assert me.draft() == before["draft"], "the draft is as it was when the app was killed"
    assert me.unsent() == ["changes", "event", "event"] + ["photo"] * count + ["typing"], me.unsent()

    # Somebody else writes meanwhile: a price of this phone's section, and a note.
    other = Surveyor("assessor", log_in(ASKED["assessor"])["access_token"], str(uuid.uuid4()))
    other.now = me.now
    other.phone.want(CASE)
    other.run()
    other.phone.write(CASE, FEE, number(500), other.now)
    other.phone.add_note(CASE, str(uuid.uuid4()), "右后轮毂旧划痕", other.now)
    assert isinstance(other.run(), ck.NextStep.IDLE)
    assert other.phone.unsent() == []

    # Signal again. The answer to the first try is lost: the second changes nothing twice.
    me.now += 3_000
    me.phone.look()
    step = me.phone.next_step(me.now)
    me.post(step.exchange, answer_is_lost=True)
    me.phone.look()
    sent, me.server.sent = me.server.sent, 0
    step = me.phone.next_step(me.now)
    me.post(step.exchange)
    round_trip = {"bytes": me.server.sent, "left": me.unsent()}
    assert me.server.sent > 0 and sent > 0
    assert me.run().is_upload(), "the photos are what is left"
    assert me.phone.refused() == []

    # Two wrote another fee: a person settles it.
    [conflict] = me.conflicts()
    assert (conflict.path, conflict.concern, conflict.needs_person) == (FEE, "money", True)
    values = sorted(written.value.value for written in conflict.values)
    me.phone.settle(CASE, FEE, number(500), me.now)

    # Each photo's copy is given up on a receipt that holds, and on nothing else.
    keys = Server()
    _, _, published = keys.send("GET", "/.well-known/seal-keys.json")
    published = {key["kid"]: ed25519.unbase64(key["x"]) for key in json.loads(published)["keys"]}
    originals = {photo: (original, sha256) for photo, original, sha256 in photos()}
    verified = []

    def upload(photo, preview):
        assert not preview
        original, sha256 = originals[photo.id]
        status, _, said = me.server.send("PUT", f"/api/v1/cases/{CASE}/blobs/{sha256}", original,
                                         {"content-type": "image/jpeg"})
        assert status in (200, 201), (status, said)
        receipt = me.phone.receipt(photo.id, said)
        public = published[receipt.key_id]
        assert ed25519.signed(public, receipt.text.encode(), bytes(receipt.signature))
        assert not ed25519.signed(public, receipt.text.encode() + b"x", bytes(receipt.signature))
        forged = json.loads(said) | {"sha256": "0" * 64}
        try:
            me.phone.receipt(photo.id, json.dumps(forged).encode())
            raise AssertionError("a receipt for other bytes")
        except ck.PhoneError.WrongReceipt:
            pass
        me.phone.uploaded(photo.id, False)
        verified.append(photo.id)

    assert isinstance(me.run(upload), ck.NextStep.IDLE)
    assert me.conflicts() == [] and me.phone.unsent() == [], me.phone.unsent()
    for _ in range(2_000):
        # What others wrote is told by the feed, which never runs ahead of what is committed.
        other.phone.look()
        other.run()
        if other.draft() == me.draft():
            break
    assert other.draft() == me.draft() and other.conflicts() == []
    server = me.server.ask("GET", f"/cases/{CASE}/draft")
    assert server["draft"] == me.draft(), "phone and server hold the same"
    assert sorted(server["heads"]) == sorted(me.phone.heads(CASE))
    # Opened once more: nothing is only here.
    me.open()
    assert me.phone.unsent() == [] and me.draft() == server["draft"]
    print(json.dumps({
        "draft": me.draft(), "heads": me.phone.heads(CASE), "conflict": values, "verified": verified,
        "round_trip": round_trip,
    }))


{"away": away, "back": back}[STAGE]()
