//! The server's side: the real gate on one document, and a log that phones pull from.

use super::*;

pub(super) struct Server {
    pub(super) doc: Automerge,
    /// The log: actor and bytes by log number, from 1.
    pub(super) log: Vec<(ActorId, Vec<u8>)>,
    pub(super) last_seq: BTreeMap<ActorId, u64>,
    pub(super) writers: BTreeMap<ActorId, Writer>,
}

impl Server {
    pub(super) fn new(phones: u8) -> Self {
        let doc = seed(&Seed {
            case_id: Uuid::from_u128(1).into(),
            actor: ActorId::from([1; 16]),
            at: AT,
            vehicles: Vec::new(),
            checklist: vec!["photos".to_owned(), "papers".to_owned()],
        })
        .unwrap();
        let seed_change = doc.get_changes(&[])[0].raw_bytes().to_vec();
        let writers =
            (0..phones).map(writer).map(|writer| (writer.actor.clone(), writer)).collect();
        let log = vec![(ActorId::from([1; 16]), seed_change)];
        Self { doc, log, last_seq: BTreeMap::new(), writers }
    }

    pub(super) fn handle(&mut self, request: &SyncRequest) -> Result<SyncReply, SyncRefusal> {
        let Some(writer) = self.writers.get(&request.actor) else {
            // The actor was revoked when the phone got a new one.
            return Err(SyncRefusal::ActorReused);
        };
        let last_seq = self.last_seq.get(&request.actor).copied().unwrap_or(0);
        let context = PushContext {
            actor: writer.actor.clone(),
            person: writer.person,
            roles: writer.roles,
            last_seq,
            now: AT,
        };
        let changes: Vec<&[u8]> = request.changes.iter().map(|blob| blob.0.as_slice()).collect();
        let admitted = gate::admit(&self.doc, &context, &changes).map_err(|rejection| {
            match rejection.class {
                Class::SeqGap { expected } => SyncRefusal::SeqGap { expected_seq: expected },
                Class::ActorReused => SyncRefusal::ActorReused,
                Class::UnknownDeps => SyncRefusal::UnknownDeps,
                // The same item, written again under another actor, is already here.
                Class::Malformed if rejection.rule == Rule::ItemExists => {
                    SyncRefusal::Quarantined(Held {
                        change: None,
                        rule: rejection.rule.code().to_owned(),
                        path: rejection.path,
                    })
                }
                other => panic!("an honest phone was refused: {other:?} {rejection}"),
            }
        })?;
        self.doc = admitted.doc;
        self.last_seq.insert(request.actor.clone(), admitted.last_seq);
        let accepted = admitted.rows.len();
        for row in admitted.rows {
            self.log.push((row.actor, row.bytes));
        }
        Ok(self.reply(request, accepted))
    }

    pub(super) fn reply(&self, request: &SyncRequest, accepted: usize) -> SyncReply {
        let top = self.log.len();
        let (pull, cursor) = match request.want {
            Want::Snapshot => (Pull::Snapshot(Blob(self.doc.save())), top),
            Want::Changes => {
                let from = usize::try_from(request.cursor).unwrap();
                let until = top.min(from + PAGE);
                let changes = self.log[from..until]
                    .iter()
                    .filter(|(actor, _)| *actor != request.actor)
                    .map(|(_, bytes)| Blob(bytes.clone()))
                    .collect();
                (Pull::Changes { changes, more: until < top }, until)
            }
        };
        SyncReply {
            epoch: 1,
            actor: request.actor.clone(),
            accepted: accepted.try_into().unwrap(),
            last_seq: self.last_seq.get(&request.actor).copied().unwrap_or(0),
            cursor: cursor.try_into().unwrap(),
            heads: self.doc.get_heads(),
            pull,
            lock: Lock::Open,
            conflicts: sync_core::conflict::list(&self.doc),
            held: Vec::new(),
            late: 0,
            server_time: AT,
        }
    }
}

pub(super) fn writer(n: u8) -> Writer {
    Writer {
        actor: ActorId::from([10 + n; 16]),
        person: PersonId(Uuid::from_u128(u128::from(n) + 10)),
        roles: Roles::ALL,
    }
}
