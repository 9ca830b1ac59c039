//! The story: an accident, from the report to the repair shop, told by the people in it.

use std::time::Instant as Stopwatch;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sync_core::{
    geo::Point,
    ids::{CaseId, PhotoId},
    money::Fen,
    outbox::Outcome,
    photo::Receipt,
    time::{Instant, Span},
};
use uuid::Uuid;

use super::{
    caller::{Caller, Fault, new_id},
    inbox::Inbox,
    people,
    phone::{Phone, fault, number, text},
    photos::{self, Shot},
};
use crate::{
    ports::clock::{Clock, SystemClock},
    wire,
};

/// Where the accident happened: Hangzhou, West Lake district.
const SCENE: (f64, f64) = (30.2741, 120.1551);
/// The customer's number.
const CUSTOMER: &str = "13800000000";

/// Tells the story on the server at `base`; `say` gets each line.
///
/// # Errors
/// The first step that is not as expected.
pub(super) fn tell(base: &str, inbox: &Inbox, say: &mut dyn FnMut(&str)) -> Result<(), Fault> {
    let mut teller = Teller { net: Caller::new(base), say, began: Stopwatch::now() };
    teller.prepare_town()?;
    let case_id = teller.report()?;
    let mut phone = teller.dispatch(case_id)?;
    teller.work_offline(&mut phone, case_id)?;
    teller.second_device(case_id)?;
    let photos = teller.reconnect(&mut phone, case_id)?;
    teller.upload(&mut phone, case_id, &photos)?;
    teller.settle(&mut phone, case_id)?;
    let total = teller.agree(case_id, inbox)?;
    teller.shop_sees(case_id, total)?;
    teller.clocks(case_id)
}

struct Teller<'a> {
    net: Caller,
    say: &'a mut dyn FnMut(&str),
    began: Stopwatch,
}

/// A photo that the phone holds.
struct Held {
    id: Uuid,
    bytes: Vec<u8>,
    sha256: String,
}

impl Teller<'_> {
    fn line(&mut self, who: &str, what: &str) {
        let at = self.began.elapsed().as_secs_f64();
        (self.say)(&format!("{at:>6.2} s  {who:<12} {what}"));
    }

    /// Zones, a shop and two surveyors on the road.
    fn prepare_town(&mut self) -> Result<(), Fault> {
        super::town::furnish(&self.net)?;
        self.line(
            "manager",
            "loads the urban zone and a class-two repair shop; two surveyors are on the road",
        );
        Ok(())
    }

    fn report(&mut self) -> Result<Uuid, Fault> {
        let intake = self.net.log_in("intake")?;
        let report = json!({
            "customer_name": "示范客户", "contact_phone": CUSTOMER, "plate": "浙A·8D2F6",
            "vin": "LSVAA4182E2184847", "loss_at": now(), "loss_place": "杭州市西湖区文三路与学院路口",
            "position": { "lat": SCENE.0, "lon": SCENE.1, "accuracy_m": 15.0 },
            "description": "追尾前车，前部受损", "drivable": true,
        });
        let saved = intake.post("/api/v1/cases", &report)?;
        let report_no = text(&saved, "/case/report_no")?;
        self.line("intake", &format!("saves report {report_no} without a policy number"));
        self.line("", &format!("tells the caller: {}", text(&saved, "/next_steps/zh-CN")?));
        text(&saved, "/case/id")?.parse().map_err(fault)
    }

    fn dispatch(&mut self, case_id: Uuid) -> Result<Phone, Fault> {
        let dispatcher = self.net.log_in("dispatcher")?;
        let ranked = dispatcher.get(&format!("/api/v1/cases/{case_id}/candidates"))?;
        let candidates =
            ranked.pointer("/candidates").and_then(Value::as_array).cloned().unwrap_or_default();
        for candidate in candidates.iter().take(2) {
            let minutes = number(candidate, "/travel_ms")? / 60_000;
            let (name, verdict) =
                (text(candidate, "/surveyor/name")?, text(candidate, "/verdict")?);
            self.line("dispatcher", &format!("sees {name}: about {minutes} min, {verdict}"));
        }
        let best = candidates.first().ok_or_else(|| Fault("no candidates".into()))?;
        expect(text(best, "/verdict")?, "in_time", "the best candidate's verdict")?;
        expect(text(best, "/surveyor/staff_no")?, "D0101", "the best candidate")?;
        let order = json!({ "surveyor_id": text(best, "/surveyor/id")? });
        let task = dispatcher.post(&format!("/api/v1/cases/{case_id}/tasks"), &order)?;
        self.line("dispatcher", &format!("sends {}", text(best, "/surveyor/name")?));

        let surveyor = self.net.log_in("surveyor1")?;
        let tasks = surveyor.get("/api/v1/tasks")?;
        expect(text(&tasks, "/items/0/id")?, text(&task, "/id")?, "the task on the phone")?;
        // This phone's clock is three hours fast: evidence, but not what limits are counted from.
        let phone = Phone::open(&surveyor, case_id, Span::hours(3))?;
        self.line("surveyor1", "has the task and the draft on the phone, whose clock is 3 h fast");
        Ok(phone)
    }

    fn work_offline(&mut self, phone: &mut Phone, case_id: Uuid) -> Result<(), Fault> {
        self.line("surveyor1", "loses the signal");
        phone.note(
            "record_contact",
            &json!({ "reached": true, "plan": "on_site", "note": "十分钟内到达" }),
        )?;
        let place = json!({ "lat": SCENE.0 + 0.0002, "lon": SCENE.1, "accuracy_m": 8.0 });
        phone.note("record_arrival", &json!({ "position": place }))?;
        phone.note("complete_survey", &json!({}))?;
        let vehicle = vehicle_id(case_id);
        phone.write(|pen| {
            pen.add_vehicle(vehicle, &[("role", "own".into()), ("plate", "浙A8D2F6".into())])
        })?;
        for line in super::town::sheet(case_id, vehicle) {
            phone.write(|pen| pen.add_line(line.id, &line.fields))?;
        }
        let (events, changes) = phone.pending();
        self.line(
            "surveyor1",
            &format!("calls, arrives, surveys and assesses 12 lines offline: {events} events and {changes} changes wait"),
        );
        Ok(())
    }

    /// The assessor edits the same line at the office meanwhile.
    fn second_device(&mut self, case_id: Uuid) -> Result<(), Fault> {
        let assessor = self.net.log_in("assessor")?;
        let mut tablet = Phone::open(&assessor, case_id, Span::ZERO)?;
        tablet.write(|pen| pen.set_rate("parts_management_bp", 500_i64))?;
        tablet.sync()?;
        self.line("assessor", "sets the parts management fee to 5 % in the same draft meanwhile");
        Ok(())
    }

    fn reconnect(&mut self, phone: &mut Phone, case_id: Uuid) -> Result<Vec<Held>, Fault> {
        // Written on the phone before it heard of the assessor's value.
        phone.write(|pen| pen.set_rate("parts_management_bp", 800_i64))?;
        let held = take_photos()?;
        for photo in &held {
            let size = i64::try_from(photo.bytes.len()).map_err(fault)?;
            let fields = [
                ("sha256", photo.sha256.as_str().into()),
                ("size_bytes", size.into()),
                ("captured_at_ms", SystemClock.now().into()),
                ("slot", "damage_close".into()),
            ];
            phone.write(|pen| pen.add_photo(photo.id, &fields))?;
            let declaration = json!({
                "id": photo.id, "sha256": photo.sha256, "size": photo.bytes.len(), "slot": "damage_close",
                "captured_at": now(), "position": { "lat": SCENE.0, "lon": SCENE.1, "accuracy_m": 8.0 },
            });
            let size = u64::try_from(photo.bytes.len()).map_err(fault)?;
            phone.photograph(photo.id, &photo.sha256, size, declaration)?;
        }
        self.line("surveyor1", "has a signal again");
        let first = phone.send(true)?;
        // The reply was lost, so the phone sends everything again: nothing happens twice.
        let again = phone.send(false)?;
        for (results, wanted) in [(&first, Outcome::Applied), (&again, Outcome::AlreadyApplied)] {
            if results.len() != 3 || results.iter().any(|result| result.outcome != wanted) {
                return Err(Fault(format!(
                    "field events: expected 3 of {wanted:?}, found {results:?}"
                )));
            }
        }
        self.line(
            "surveyor1",
            "sends the field events twice, as after a lost reply: each took effect once",
        );
        let conflicts = phone.sync()?;
        expect(&conflicts.to_string(), "1", "the conflicts after the merge")?;
        self.line("surveyor1", "merges the draft: 12 lines stay, 1 money conflict needs a person");
        let lines = self.net.log_in("surveyor1")?.get(&format!("/api/v1/cases/{case_id}/draft"))?;
        let count = lines
            .pointer("/draft/lines")
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len);
        expect(&count.to_string(), "12", "the lines of the merged draft")?;
        Ok(held)
    }

    fn upload(&mut self, phone: &mut Phone, case_id: Uuid, held: &[Held]) -> Result<(), Fault> {
        let surveyor = self.net.log_in("surveyor1")?;
        let keys = self.net.get("/.well-known/seal-keys.json")?;
        let mut n = 0;
        while let Some(id) = phone.next_upload()? {
            let photo = held.iter().find(|photo| photo.id == id);
            let photo = photo.ok_or_else(|| Fault(format!("{id} is no photo of this phone")))?;
            if n == 4 {
                let so_far = surveyor.get(&format!("/api/v1/cases/{case_id}/photos"))?;
                expect(&number(&so_far, "/received")?.to_string(), "4", "the photos in so far")?;
                self.line("manager", "sees on the case: 4 of 6 photos in");
            }
            let path = format!("/api/v1/cases/{case_id}/blobs/{}", photo.sha256);
            let answer = surveyor.send("PUT", &path, Some("image/jpeg"), &photo.bytes)?;
            if !(200..300).contains(&answer.status) {
                return Err(Fault(format!(
                    "the upload answered {}: {}",
                    answer.status,
                    answer.text()
                )));
            }
            verify_receipt(&answer.json(), case_id, photo, &keys)?;
            phone.uploaded(id)?;
            n += 1;
        }
        let all = surveyor.get(&format!("/api/v1/cases/{case_id}/photos"))?;
        expect(&number(&all, "/received")?.to_string(), "6", "the photos in")?;
        self.line(
            "surveyor1",
            "uploads 6 photos; each comes back as a signed receipt, only now may the phone delete",
        );
        Ok(())
    }

    fn settle(&mut self, phone: &mut Phone, case_id: Uuid) -> Result<(), Fault> {
        let surveyor = self.net.log_in("surveyor1")?;
        let freeze = format!("/api/v1/cases/{case_id}/versions");
        let draft = surveyor.get(&format!("/api/v1/cases/{case_id}/draft"))?;
        let attempt = json!({ "based_on": draft.pointer("/heads") }).to_string();
        let refused =
            surveyor.send("POST", &freeze, Some("application/json"), attempt.as_bytes())?;
        expect(&refused.status.to_string(), "409", "freezing with an open money conflict")?;
        self.line("surveyor1", "cannot freeze the sheet while a money conflict is open");
        let path = sync_core::model::schema::Path::parse("rates/parts_management_bp")
            .ok_or_else(|| Fault("no such field".into()))?;
        phone.write(|pen| pen.settle(&path, 500_i64))?;
        let left = phone.sync()?;
        expect(&left.to_string(), "0", "the conflicts left")?;
        expect(&phone.only_here().to_string(), "0", "what is only on the phone")?;
        self.line(
            "surveyor1",
            "agrees with the assessor on 5 %: the conflict is settled by a person",
        );
        Ok(())
    }

    /// Freezes the sheet, sends the link, and plays the customer. Answers the total.
    fn agree(&mut self, case_id: Uuid, inbox: &Inbox) -> Result<i64, Fault> {
        let surveyor = self.net.log_in("surveyor1")?;
        let draft = surveyor.get(&format!("/api/v1/cases/{case_id}/draft"))?;
        let based_on = json!({ "based_on": draft.pointer("/heads") });
        let version = surveyor.post(&format!("/api/v1/cases/{case_id}/versions"), &based_on)?;
        let total = number(&version, "/version/total_fen")?;
        let capitals = sync_core::estimate::chinese_capitals(Fen(total));
        self.line("surveyor1", &format!("freezes version 1: {} ({capitals})", yuan(total)));
        let shop = json!({ "shop_id": people::SHOP, "free_choice_told": true });
        surveyor.post(&format!("/api/v1/cases/{case_id}/shop"), &shop)?;
        self.line("customer", "chooses a repair shop of their own will");

        let wanted = json!({ "version_id": text(&version, "/version/id")? });
        surveyor.post(&format!("/api/v1/cases/{case_id}/links"), &wanted)?;
        let link = inbox.wait_for(CUSTOMER, |message| {
            let start = message.find("/a/")?;
            let rest = message.get(start..)?;
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/-_".contains(c)));
            rest.get(..end.unwrap_or(rest.len())).map(str::to_owned)
        });
        let link = link.ok_or_else(|| Fault("the customer got no link".into()))?;
        let page = self.net.send("GET", &link, None, &[])?;
        expect(&page.status.to_string(), "200", "the customer's page")?;
        self.line(
            "customer",
            &format!("opens the link: a page of {} bytes without scripts", page.body.len()),
        );
        let form = Some("application/x-www-form-urlencoded");
        let asked = self.net.send("POST", &format!("{link}/code"), form, b"")?;
        expect(&(asked.status < 400).to_string(), "true", "asking for a code")?;
        let code = inbox.wait_for(CUSTOMER, code_in);
        let code = code.ok_or_else(|| Fault("the customer got no code".into()))?;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let refused = self.net.send(
            "POST",
            &format!("{link}/agree"),
            form,
            format!("code={wrong}").as_bytes(),
        )?;
        expect(
            &(400..500).contains(&refused.status).to_string(),
            "true",
            "a wrong code is refused",
        )?;
        let agreed = self.net.send(
            "POST",
            &format!("{link}/agree"),
            form,
            format!("code={code}").as_bytes(),
        )?;
        expect(&(agreed.status < 400).to_string(), "true", "agreeing")?;
        let agreement = surveyor.get(&format!("/api/v1/cases/{case_id}/agreement"))?;
        expect(text(&agreement, "/state")?, "agreed", "the agreement")?;
        self.line("customer", "agrees on exactly this sheet with the one-time code");
        Ok(total)
    }

    fn shop_sees(&mut self, case_id: Uuid, total: i64) -> Result<(), Fault> {
        let shop = self.net.log_in("shop1")?;
        let seen = shop.get(&format!("/api/v1/shop/cases/{case_id}"))?;
        let lines = seen.pointer("/lines").and_then(Value::as_array).cloned().unwrap_or_default();
        let sum = lines
            .iter()
            .try_fold(0, |sum, line| Ok::<_, Fault>(sum + number(line, "/amount_fen")?))?;
        if lines.len() != 11 || sum > total {
            return Err(Fault(format!("the shop sees {} lines of {}", lines.len(), yuan(sum))));
        }
        if seen.to_string().contains(CUSTOMER) {
            return Err(Fault("the shop sees the customer's number".into()));
        }
        self.line(
            "shop1",
            &format!(
                "sees the status and {} approved lines, and nothing about the customer",
                lines.len()
            ),
        );
        Ok(())
    }

    fn clocks(&mut self, case_id: Uuid) -> Result<(), Fault> {
        let manager = self.net.log_in("manager")?;
        let clocks = manager.get(&format!("/api/v1/cases/{case_id}/clocks"))?;
        let mut met = 0;
        for clock in
            clocks.pointer("/clocks").and_then(Value::as_array).cloned().unwrap_or_default()
        {
            let (name, verdict) = (text(&clock, "/clock")?, text(&clock, "/verdict")?);
            self.line(
                "manager",
                &format!("clock {name}: {verdict}, limit {}", text(&clock, "/limit_at")?),
            );
            met += usize::from(verdict == "met");
        }
        expect(&met.to_string(), "3", "the clocks that were met")?;
        let case = manager.get(&format!("/api/v1/cases/{case_id}"))?;
        expect(text(&case, "/case/status")?, "agreed", "the case's status")?;
        (self.say)("\nThe case's log, by the server's corrected time:");
        for event in
            case.pointer("/timeline").and_then(Value::as_array).cloned().unwrap_or_default()
        {
            let (at, kind) = (text(&event, "/occurred_at")?, text(&event, "/kind")?);
            (self.say)(&format!("  {at:<26} {kind}"));
        }
        Ok(())
    }
}

/// What a phone does before it deletes a photo: checks that the receipt is for these bytes, and that
/// a published key signed it.
fn verify_receipt(receipt: &Value, case_id: Uuid, photo: &Held, keys: &Value) -> Result<(), Fault> {
    let key_id = text(receipt, "/key_id")?;
    let mut published = keys.pointer("/keys").and_then(Value::as_array).into_iter().flatten();
    let key = published.find(|key| key.pointer("/kid").and_then(Value::as_str) == Some(key_id));
    let key = key.ok_or_else(|| Fault("the receipt names an unknown key".into()))?;
    let received_at = chrono::DateTime::parse_from_rfc3339(text(receipt, "/received_at")?);
    let vouched = Receipt {
        case_id: CaseId(case_id),
        sha256: photo.sha256.parse().map_err(fault)?,
        size: u64::try_from(photo.bytes.len()).map_err(fault)?,
        received_at: Instant(received_at.map_err(fault)?.timestamp_millis()),
        photo_ids: vec![PhotoId(photo.id)],
        key_id: key_id.to_owned(),
    };
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(fault);
    let (public, signature) = (decode(text(key, "/x")?)?, decode(text(receipt, "/signature")?)?);
    if crate::auth::keys::verify(&public, vouched.signed_text().as_bytes(), &signature) {
        Ok(())
    } else {
        Err(Fault("the receipt's signature does not hold".into()))
    }
}

fn expect(found: &str, wanted: &str, what: &str) -> Result<(), Fault> {
    if found == wanted {
        Ok(())
    } else {
        Err(Fault(format!("{what}: expected {wanted}, found {found}")))
    }
}

pub(super) fn now() -> Value {
    json!(wire::time(SystemClock.now()))
}

pub(super) fn position_now((lat, lon): (f64, f64)) -> Value {
    json!({ "device_now": now(), "points": [{ "lat": lat, "lon": lon, "accuracy_m": 10.0, "measured_at": now() }] })
}

fn vehicle_id(case_id: Uuid) -> Uuid {
    Uuid::from_u128(case_id.as_u128() ^ 1)
}

fn yuan(fen: i64) -> String {
    format!("¥{}.{:02}", fen / 100, fen % 100)
}

/// The code in a message that brings one.
fn code_in(message: &str) -> Option<String> {
    let (_, after) = message.split_once("验证码")?;
    after.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).map(str::to_owned)
}

fn take_photos() -> Result<Vec<Held>, Fault> {
    let place = Point::new(SCENE.0, SCENE.1).map_err(fault)?;
    let taken_at = wire::time(Instant(SystemClock.now().0 / 1_000 * 1_000));
    (0..6)
        .map(|number| {
            let bytes = photos::take(&Shot { number, taken_at, place })?;
            let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(Held { id: new_id(), bytes, sha256 })
        })
        .collect()
}
