//! Drafts of the size of a large honest case, and phones that have them.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::ports::ids::{Ids, SystemIds};
use sync_core::{
    edit::{DraftEditor, Writer},
    model::{
        ActorId,
        schema::{Kind, Path, Role, Roles, Scalar, Section, Writable},
    },
    protocol::{Effect, Session, SyncReply, SyncRequest},
    time::Instant,
};
use uuid::Uuid;

use crate::{wire::Ask, world::Caller};

/// How a device makes changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One for each field and each two characters: about 3,000.
    Fine,
    /// One for each form and each forty characters: about 300.
    Coarse,
}

const LINES: u128 = 40;
const PHOTOS: u128 = 30;
const TEXT: usize = 2_048;

/// One draft on one device.
pub struct Phone {
    pub caller: Caller,
    pub case: String,
    pub session: Session,
}

impl Phone {
    /// Opens a case's draft on a new installation.
    pub fn open(mut caller: Caller, case: &str) -> Self {
        let body = json!({ "install_id": SystemIds.uuid() });
        let path = format!("/api/v1/cases/{case}/draft/actors");
        let issued: Value = caller.post(&path, &body);
        let session = session(&issued);
        Self { caller, case: case.to_owned(), session }
    }

    /// Sends until phone and server hold the same.
    pub fn sync(&mut self) {
        loop {
            let body = serde_json::to_vec(&self.session.next_request()).expect("JSON");
            let reply = self.push(&body);
            let effects = self.session.apply_reply(reply);
            if effects.contains(&Effect::InStep) {
                return;
            }
            assert!(effects.contains(&Effect::Send), "{effects:?}");
        }
    }

    fn push(&mut self, body: &[u8]) -> SyncReply {
        let path = format!("/api/v1/cases/{}/draft/sync", self.case);
        serde_json::from_slice(&self.caller.send(&path, body)).expect("a reply")
    }

    /// Makes so many small changes.
    pub fn edit(&mut self, count: usize) {
        let now = now();
        let mut pen = self.session.edit(now).expect("a draft");
        small_changes(&mut pen, count);
    }

    /// Requests that push the unsent changes `each` at a time, as if nobody else wrote meanwhile.
    pub fn pushes(&self, each: usize) -> Vec<Vec<u8>> {
        let all = self.session.next_request();
        let mut cursor = self.session.cursor();
        let chunks = all.changes.chunks(each);
        chunks
            .map(|changes| {
                let request = SyncRequest { changes: changes.to_vec(), cursor, ..all.clone() };
                cursor += u64::try_from(changes.len()).unwrap_or_default();
                serde_json::to_vec(&request).expect("JSON")
            })
            .collect()
    }
}

/// The session that an answer to the request for an actor begins.
pub fn session(issued: &Value) -> Session {
    let snapshot =
        BASE64_STANDARD.decode(issued["snapshot"].as_str().expect("bytes")).expect("base64");
    let actor: ActorId = issued["actor"].as_str().expect("an actor").parse().expect("an actor");
    let person = issued["person_id"].as_str().expect("an id").parse().expect("an id");
    let writer = Writer { actor, person, roles: Roles::NONE.with(Role::Surveyor) };
    Session::open(&snapshot, writer, 1, issued["cursor"].as_u64().unwrap_or(0), 0).expect("a draft")
}

/// The present, by the machine.
pub fn now() -> Instant {
    use server::ports::clock::{Clock, SystemClock};
    SystemClock.now()
}

/// Changes of one field each, as somebody works on the sheet.
pub fn small_changes(pen: &mut DraftEditor<'_>, count: usize) {
    let line = SystemIds.uuid();
    pen.add_line(line, &[("kind", "replace".into())]).expect("a line");
    for n in 1..count {
        let value = 1_000 + i64::try_from(n).unwrap_or(0) * 17;
        let field = ["unit_price_fen", "qty_milli", "rate_fen"][n % 3];
        pen.set_line_field(line, field, value).expect("an edit");
    }
}

/// Fills a draft by three devices; answers how many changes that took.
pub fn fill(case: &str, callers: [Caller; 3], style: Style) -> usize {
    let mut made = 0;
    for (n, caller) in (0..3).zip(callers) {
        let mut phone = Phone::open(caller, case);
        let mut pen = phone.session.edit(now()).expect("a draft");
        match n {
            0 => write_facts_and_lines(&mut pen, style),
            1 => write_photos(&mut pen, style),
            _ => write_texts(&mut pen, style),
        }
        made += phone.session.pending();
        phone.sync();
    }
    made
}

fn write_facts_and_lines(pen: &mut DraftEditor<'_>, style: Style) {
    for section in [Section::Scene, Section::Rates] {
        write_item(pen, section, None, style, 1);
    }
    for n in 0..3 {
        let id = Uuid::from_u128(0x100 + n);
        pen.add_vehicle(id, &[]).expect("a vehicle");
        write_item(pen, Section::Vehicles, Some(id), style, n);
    }
    for n in 0..LINES {
        let id = Uuid::from_u128(0x200 + n);
        match style {
            Style::Fine => {
                pen.add_line(id, &[("kind", "replace".into())]).expect("a line");
                write_item(pen, Section::Lines, Some(id), style, n);
            }
            Style::Coarse => {
                let mut fields = vec![("kind", Scalar::from("replace"))];
                fields.extend(values(Section::Lines, n));
                pen.add_line(id, &fields).expect("a line");
            }
        }
    }
}

fn write_photos(pen: &mut DraftEditor<'_>, style: Style) {
    for n in 0..PHOTOS {
        let id = Uuid::from_u128(0x300 + n);
        let mut fields =
            vec![("sha256", Scalar::from(format!("{n:064x}"))), ("captured_at_ms", now().into())];
        fields.extend(values(Section::Photos, n));
        pen.add_photo(id, &fields).expect("a photo");
        if style == Style::Fine {
            write_item(pen, Section::Photos, Some(id), style, n);
        }
    }
}

fn write_texts(pen: &mut DraftEditor<'_>, style: Style) {
    let note = Uuid::from_u128(0x400);
    pen.add_note(note, "").expect("a note");
    let step = if style == Style::Fine { 2 } else { 40 };
    for path in [
        Path::single(Section::Scene, "description"),
        Path::of_item(Section::Notes, note.to_string(), "text"),
    ] {
        let whole: Vec<char> =
            "The car behind braked late on the wet road. ".chars().cycle().take(TEXT).collect();
        let most = match path.row().map(|row| row.kind) {
            Some(Kind::Text(most)) => most.min(TEXT),
            _ => panic!("no text"),
        };
        for end in (step..=most).step_by(step) {
            let text: String = whole[..end].iter().collect();
            pen.set_text(&path, &text).expect("a text");
        }
    }
}

/// Writes every field that may be written at any time: each by itself, or all as one form.
fn write_item(
    pen: &mut DraftEditor<'_>,
    section: Section,
    item: Option<Uuid>,
    style: Style,
    n: u128,
) {
    let item = item.map(|id| id.to_string());
    let fields = values(section, n);
    match style {
        Style::Coarse => drop(pen.put_fields(section, item.as_deref(), &fields).expect("a form")),
        Style::Fine => {
            for field in &fields {
                pen.put_fields(section, item.as_deref(), std::slice::from_ref(field))
                    .expect("a field");
            }
        }
    }
}

/// A fitting value for every field of a section that a surveyor writes at any time.
fn values(section: Section, n: u128) -> Vec<(&'static str, Scalar)> {
    let mine = Roles::NONE.with(Role::Surveyor);
    let fields = section.fields().iter().filter(|row| {
        row.writable == Writable::Anytime && row.writers.overlaps(mine) && row.name != "removed"
    });
    let small = i64::try_from(n).unwrap_or(0);
    let value = |kind: Kind| -> Option<Scalar> {
        Some(match kind {
            Kind::Int(least, most) => Scalar::Int(least.saturating_add(small * 7 + 1).min(most)),
            Kind::Bool => Scalar::Bool(n.is_multiple_of(2)),
            Kind::Code(codes) => {
                codes.get(usize::try_from(n).unwrap_or(0) % codes.len())?.to_owned().into()
            }
            Kind::Slug(most) => format!("s{n}").chars().take(most).collect::<String>().into(),
            Kind::Str(most) => {
                format!("left front {n}").chars().take(most).collect::<String>().into()
            }
            _ => return None,
        })
    };
    fields.filter_map(|row| Some((row.name, value(row.kind)?))).collect()
}

/// A request for the whole draft.
pub fn fresh(session: &Session) -> Vec<u8> {
    let request = SyncRequest { changes: Vec::new(), cursor: 0, ..session.next_request() };
    serde_json::to_vec(&request).expect("JSON")
}

/// A request for what came after a number of the log.
pub fn pull(session: &Session, cursor: u64) -> Vec<u8> {
    let request = SyncRequest { changes: Vec::new(), cursor, ..session.next_request() };
    serde_json::to_vec(&request).expect("JSON")
}

/// The parts of a push to a draft.
pub fn ask<'a>(path: &'a str, token: &'a str, key: &'a str, body: &'a [u8]) -> Ask<'a> {
    Ask { method: "POST", path, token, key, headers: "content-type: application/json\r\n", body }
}
