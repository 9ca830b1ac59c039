// Another implementation of the CRDT as one phone in a network that another process plays. Each line of
// the input asks for one thing, each line of the output answers it.

import * as Automerge from "@automerge/automerge";
import { createInterface } from "node:readline";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const text = (value) => (value === "" ? null : new Automerge.ImmutableString(value));

let doc, phone, own, sent, cursor;

/** The phone as it was when it began, or with what it stored. */
function open(asked) {
  phone = asked;
  doc = Automerge.load(bytes(asked.snapshot), { actor: asked.actor });
  [own, sent, cursor] = [[], 0, asked.cursor];
  return {};
}

/** Switched off and on: what it goes on from is what it stored. */
function restart() {
  doc = Automerge.load(Automerge.save(doc), { actor: phone.actor });
  return {};
}

function edit({ kind, pick, value, id }) {
  const lines = Object.keys(doc.lines).sort();
  const line = lines[pick % Math.max(lines.length, 1)];
  const before = String(Automerge.getHeads(doc));
  doc = Automerge.change(doc, { time: phone.time }, (draft) => {
    const line_at = ["lines", line];
    if (kind === "scene") put(draft, ["scene"], ["place", "police_report_no", "objection"][pick], text(value));
    else if (kind === "rate") put(draft, ["rates"], "body_discount_bp", value);
    else if (kind === "add_line") draft.lines[id] = { kind: text("replace") };
    else if (kind === "price" && line) put(draft, line_at, "unit_price_fen", value);
    else if (kind === "removed" && line) put(draft, line_at, "removed", value);
    else if (kind === "describe") describe(draft, pick, value);
    else if (kind === "note") draft.notes[id] = { author: text(phone.person), at_ms: phone.at_ms, text: value };
    else if (kind === "tick") {
      const ticked = { state: text(value), answer: null, at_ms: phone.at_ms };
      for (const [key, what] of Object.entries(ticked)) put(draft, ["checklist", "photos"], key, what);
    }
  });
  // Writing what stands there already makes no change.
  if (String(Automerge.getHeads(doc)) === before) return { made: [] };
  const change = Automerge.getLastLocalChange(doc);
  own.push(change);
  return { made: [Automerge.decodeChange(change).hash] };
}

/**
 * Writes a value over all that stand there. Asked to write the one that shows already, the library would
 * delete the others, and no device may delete: so another of the values is written in between.
 */
function put(draft, path, key, value) {
  const at = (root) => path.reduce((map, part) => map[part], root);
  const plain = (some) => (some instanceof Automerge.ImmutableString ? some.toString() : some);
  const standing = Object.values(Automerge.getConflicts(at(doc), key) ?? {});
  if (standing.length > 1 && plain(at(doc)[key]) === plain(value)) {
    const other = standing.find((some) => plain(some) !== plain(value));
    if (other === undefined) return;
    // Conflicts are told with plain strings, which would be written as collaborative texts.
    at(draft)[key] = typeof other === "string" ? text(other) : other;
  }
  at(draft)[key] = value;
}

/** Adds to the description somewhere, or takes a piece out of it. */
function describe(draft, pick, more) {
  // A text is counted in the units of JavaScript's strings here: no pair of them is taken apart.
  const chars = [...draft.scene.description];
  const at = pick % (chars.length + 1);
  const units = (some) => some.join("").length;
  const gone = more === "" ? units(chars.slice(at, at + 3)) : 0;
  Automerge.splice(draft, ["scene", "description"], units(chars.slice(0, at)), gone, more);
}

function request() {
  return {
    epoch: 1, actor: phone.actor, cursor, heads: Automerge.getHeads(doc), want: "changes",
    changes: own.slice(sent).map(base64),
  };
}

function answer({ reply }) {
  // An older reply that came late.
  if (reply.cursor < cursor) return {};
  [doc] = Automerge.applyChanges(doc, reply.pull.changes.changes.map(bytes));
  [sent, cursor] = [reply.last_seq, reply.cursor];
  return {};
}

function look() {
  return { heads: Automerge.getHeads(doc), pending: own.length - sent, doc: base64(Automerge.save(doc)) };
}

const acts = { open, restart, edit, request, answer, look };
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  console.log(JSON.stringify(acts[asked.do](asked)));
}
