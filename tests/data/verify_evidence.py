"""Verifies the custody log of a case without any code of the server: standard library only.

usage: verify_evidence.py SEAL_KEYS.json < LINES    each line is a custody log as JSON
Answers one line for each: "good", or the first thing that is wrong. Written from the API reference.
"""
import base64
import hashlib
import json
import sys
from functools import lru_cache

# Ed25519 as in RFC 8032, section 5.1: verification only.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def add(p, q):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = p, q
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(n, p):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, p)
        p, n = add(p, p), n >> 1
    return result


def point(raw):
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * I % P
    if (x * x - x2) % P or (x == 0 and sign):
        raise ValueError("no point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@lru_cache(100_000)
def signed(public, text, signature):
    try:
        if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
            return False
        k = hashlib.sha512(signature[:32] + public + text).digest()
        left = multiply(int.from_bytes(signature[32:], "little"), BASE)
        right = add(point(signature[:32]), multiply(int.from_bytes(k, "little") % L, point(public)))
        return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (
            left[1] * right[2] - right[1] * left[2]) % P
    except ValueError:
        return False


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha(text, start=b""):
    return hashlib.sha256(start + (text.encode() if isinstance(text, str) else text)).hexdigest()


def lines(*pairs):
    return "".join(f"{name} {value}\n" for name, value in pairs)


def check(log, keys):
    case, before, seq = log["case_id"], "0" * 64, 0
    for entry in log["entries"]:
        seq += 1
        text = "chakan custody entry 1\n" + lines(
            ("case", case), ("seq", entry["seq"]), ("previous", entry["previous"]),
            ("act", entry["act"]), ("actor", entry["actor"]), ("device", entry.get("device_id") or "-"),
            ("at", entry["at"]), ("subject", entry["subject"]), ("data", entry["data"]))
        if entry["seq"] != seq:
            return f"entry {seq}: is missing"
        if text.count("\n") != 10:
            return f"entry {seq}: can be read in two ways"
        if sha(text) != entry["sha256"]:
            return f"entry {seq}: is not what was hashed"
        if entry["previous"] != before:
            return f"entry {seq}: does not follow the entry before"
        before = entry["sha256"]
    head = log.get("head")
    if not head:
        return "good" if seq == 0 else "the signed head is missing"
    text = "chakan custody head 1\n" + lines(
        ("case", case), ("seq", head["seq"]), ("sha256", head["sha256"]), ("at", head["at"]),
        ("key", head["key_id"]))
    if not signed(keys.get(head["key_id"], b""), text.encode(), unbase64(head["signature"])):
        return "the signed head is not what was signed"
    if head["seq"] != seq:
        return f"entry {min(head['seq'], seq) + 1}: " + ("is missing" if head["seq"] > seq else "stands behind the signed head")
    if head["sha256"] != before:
        return f"entry {seq}: is not the one that the signed head names"
    for point_ in log["checkpoints"]:
        number = point_["number"]
        text = "chakan custody checkpoint 1\n" + lines(
            ("number", number), ("at", point_["at"]), ("previous", point_["previous"]),
            ("root", point_["root"]), ("heads", point_["heads"]), ("key", point_["key_id"]))
        root = sha(f"case {case} seq {point_['seq']} sha256 {point_['sha256']}", b"\0")
        for step in point_["proof"]:
            pair = (step["sha256"], root) if step["side"] == "left" else (root, step["sha256"])
            root = sha(b"".join(map(bytes.fromhex, pair)), b"\1")
        key = keys.get(point_["key_id"], b"")
        if root != point_["root"] or not signed(key, text.encode(), unbase64(point_["signature"])):
            return f"checkpoint {number} is not what was signed"
        if not 0 < point_["seq"] <= seq or log["entries"][point_["seq"] - 1]["sha256"] != point_["sha256"]:
            return f"entry {point_['seq']}: is not the one that checkpoint {number} names"
    return "good"


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        public = {key["kid"]: unbase64(key["x"]) for key in json.load(file)["keys"]}
    for line in sys.stdin:
        print(check(json.loads(line), public))
