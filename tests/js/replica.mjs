// Another implementation of the CRDT as one more device: it opens a draft, works offline, and exchanges
// over HTTP until it holds what the server holds. Prints what it came to as one line of JSON.
//
// usage: node replica.mjs BASE_URL TOKEN CASE_ID ROUNDS SEED

import * as Automerge from "@automerge/automerge";
import { createHash, randomUUID } from "node:crypto";

const [base, token, caseId, rounds, seed] = process.argv.slice(2);
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

async function post(path, body) {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "idempotency-key": createHash("sha256").update(path + JSON.stringify(body)).digest("hex"),
  };
  const reply = await fetch(`${base}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await reply.json();
  if (reply.status !== 200) throw new Error(`${reply.status} ${JSON.stringify(answer)}`);
  return answer;
}

// A small generator, so that a run can be repeated.
let state = Number(seed) || 1;
const random = (below) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % below;
};

const text = (value) => new Automerge.ImmutableString(value);
const issued = await post(`/cases/${caseId}/draft/actors`, { install_id: randomUUID() });
let doc = Automerge.load(bytes(issued.snapshot), { actor: issued.actor });
let { cursor, last_seq: sent } = issued;
const own = [];

function write(edit) {
  const before = String(Automerge.getHeads(doc));
  doc = Automerge.change(doc, { time: Math.floor(Date.now() / 1000) }, edit);
  // Writing what stands there already makes no change.
  if (String(Automerge.getHeads(doc)) !== before) own.push(Automerge.getLastLocalChange(doc));
}

function work(round) {
  const line = randomUUID();
  write((draft) => {
    draft.lines[line] = { kind: text("replace"), unit_price_fen: 100 * round + random(50), name: text("前保险杠") };
  });
  write((draft) => {
    draft.lines[line].unit_price_fen = 7 + random(3);
  });
  write((draft) => {
    draft.scene.place = text(`js ${random(4)}`);
  });
  // The server counts characters as the document does, whatever JavaScript counts.
  write((draft) => {
    Automerge.splice(draft, ["scene", "description"], 0, 0, `${round}🚗查勘 `);
  });
  if (random(2)) {
    write((draft) => {
      draft.lines[line].removed = true;
    });
  }
}

async function exchange() {
  const changes = own.slice(sent).map(base64);
  const answer = await post(`/cases/${caseId}/draft/sync`, {
    epoch: issued.epoch, actor: issued.actor, cursor, heads: Automerge.getHeads(doc), changes,
  });
  sent = answer.last_seq;
  cursor = answer.cursor;
  if (answer.pull.snapshot) {
    doc = Automerge.merge(doc, Automerge.load(bytes(answer.pull.snapshot)));
  } else {
    [doc] = Automerge.applyChanges(doc, answer.pull.changes.changes.map(bytes));
  }
  return { answer, more: answer.pull.changes?.more || sent < own.length };
}

for (let round = 1; round <= Number(rounds); round += 1) {
  work(round);
  for (let tries = 0; (await exchange()).more; tries += 1) {
    if (tries > 20) throw new Error("no end");
  }
}
const { answer } = await exchange();
const mine = [...Automerge.getHeads(doc)].sort();
const theirs = [...answer.heads].sort();
console.log(JSON.stringify({
  same: JSON.stringify(mine) === JSON.stringify(theirs),
  heads: mine,
  changes: own.length,
  lines: Object.keys(doc.lines).length,
  description: String(doc.scene.description),
}));
