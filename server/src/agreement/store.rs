//! Rows of links, codes, objections and agreements.

mod kept;

use diesel::{dsl::max, prelude::*};
use sync_core::{
    ids::{CaseId, LinkId, PersonId, VersionId},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        schema::{
            agent_authorisations as authorisations, agreement_codes as codes,
            agreement_links as links, agreement_objections as objections, agreements,
        },
        types::{Id, Ms},
    },
    error::ApiError,
};

pub(super) use kept::*;

/// A link as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = links)]
pub(super) struct LinkRow {
    pub(super) id: Id<LinkId>,
    pub(super) case_id: Id<CaseId>,
    pub(super) version_id: Id<VersionId>,
    pub(super) sent_to: String,
    pub(super) code_to: String,
    pub(super) staff_name: String,
    pub(super) staff_no: Option<String>,
    pub(super) created_by: Id<PersonId>,
    pub(super) created_at: Ms,
    pub(super) expires_at: Ms,
    pub(super) superseded_at: Option<Ms>,
    pub(super) authorisation_id: Option<Id<Uuid>>,
}

/// A link to insert.
pub(super) struct NewLink<'a> {
    pub(super) id: LinkId,
    pub(super) token_sha256: &'a [u8],
    pub(super) case_id: CaseId,
    pub(super) version_id: VersionId,
    pub(super) sent_to: &'a str,
    pub(super) code_to: &'a str,
    pub(super) staff_name: &'a str,
    pub(super) staff_no: Option<&'a str>,
    pub(super) created_by: PersonId,
    pub(super) created_at: Instant,
    pub(super) expires_at: Instant,
    pub(super) authorisation: Option<Uuid>,
}

/// Puts a link in the place of every earlier one of the case.
pub(super) fn replace_link(conn: &mut Conn, link: &NewLink<'_>) -> Result<(), ApiError> {
    let earlier = links::table
        .filter(links::case_id.eq(link.case_id.to_string()))
        .filter(links::superseded_at.is_null());
    diesel::update(earlier).set(links::superseded_at.eq(Some(link.created_at.0))).execute(conn)?;
    let row = (
        links::id.eq(link.id.to_string()),
        links::token_sha256.eq(link.token_sha256),
        links::case_id.eq(link.case_id.to_string()),
        links::version_id.eq(link.version_id.to_string()),
        links::sent_to.eq(link.sent_to),
        links::code_to.eq(link.code_to),
        links::staff_name.eq(link.staff_name),
        links::staff_no.eq(link.staff_no),
        links::created_by.eq(link.created_by.to_string()),
        links::created_at.eq(link.created_at.0),
        links::expires_at.eq(link.expires_at.0),
        links::authorisation_id.eq(link.authorisation.map(|id| id.to_string())),
    );
    diesel::insert_into(links::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find_link(conn: &mut Conn, token_sha256: &[u8]) -> Result<Option<LinkRow>, ApiError> {
    let link = links::table.filter(links::token_sha256.eq(token_sha256));
    Ok(link.select(LinkRow::as_select()).first(conn).optional()?)
}

pub(super) fn find_newest_link(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<LinkRow>, ApiError> {
    let newest = links::table
        .filter(links::case_id.eq(case_id.to_string()))
        .order((links::created_at.desc(), links::id.desc()));
    Ok(newest.select(LinkRow::as_select()).first(conn).optional()?)
}

/// How many links went to a number since then.
pub(super) fn count_links_to(
    conn: &mut Conn,
    number: &str,
    since: Instant,
) -> Result<i64, ApiError> {
    Ok(links::table
        .filter(links::sent_to.eq(number))
        .filter(links::created_at.gt(since.0))
        .count()
        .get_result(conn)?)
}

/// A code as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = codes)]
pub(super) struct CodeRow {
    pub(super) id: Id<Uuid>,
    pub(super) code_hmac: Vec<u8>,
    pub(super) sent_at: Ms,
    pub(super) expires_at: Ms,
    pub(super) wrong_tries: i64,
    pub(super) used_at: Option<Ms>,
}

/// A code to insert.
pub(super) struct NewCode<'a> {
    pub(super) id: Uuid,
    pub(super) link_id: LinkId,
    pub(super) code_hmac: &'a [u8],
    pub(super) recipient_hmac: &'a [u8],
    pub(super) sent_at: Instant,
    pub(super) expires_at: Instant,
}

pub(super) fn insert_code(conn: &mut Conn, code: &NewCode<'_>) -> Result<(), ApiError> {
    let row = (
        codes::id.eq(code.id.to_string()),
        codes::link_id.eq(code.link_id.to_string()),
        codes::code_hmac.eq(code.code_hmac),
        codes::recipient_hmac.eq(code.recipient_hmac),
        codes::sent_at.eq(code.sent_at.0),
        codes::expires_at.eq(code.expires_at.0),
        codes::wrong_tries.eq(0),
    );
    diesel::insert_into(codes::table).values(row).execute(conn)?;
    Ok(())
}

/// The last code of a link: only this one counts.
pub(super) fn find_last_code(
    conn: &mut Conn,
    link_id: LinkId,
) -> Result<Option<CodeRow>, ApiError> {
    let last = codes::table
        .filter(codes::link_id.eq(link_id.to_string()))
        .order((codes::sent_at.desc(), codes::id.desc()));
    Ok(last.select(CodeRow::as_select()).first(conn).optional()?)
}

/// When codes went to a number since then.
pub(super) fn list_codes_to(
    conn: &mut Conn,
    recipient_hmac: &[u8],
    since: Instant,
) -> Result<Vec<Instant>, ApiError> {
    let times: Vec<Ms> = codes::table
        .filter(codes::recipient_hmac.eq(recipient_hmac))
        .filter(codes::sent_at.gt(since.0))
        .order(codes::sent_at)
        .select(codes::sent_at)
        .load(conn)?;
    Ok(times.into_iter().map(|at| at.0).collect())
}

/// How many codes were sent since then, to anybody.
pub(super) fn count_codes(conn: &mut Conn, since: Instant) -> Result<i64, ApiError> {
    Ok(codes::table.filter(codes::sent_at.gt(since.0)).count().get_result(conn)?)
}

pub(super) fn add_wrong_try(conn: &mut Conn, id: Uuid) -> Result<(), ApiError> {
    diesel::update(codes::table.find(id.to_string()))
        .set(codes::wrong_tries.eq(codes::wrong_tries + 1))
        .execute(conn)?;
    Ok(())
}

pub(super) fn use_code(conn: &mut Conn, id: Uuid, now: Instant) -> Result<(), ApiError> {
    diesel::update(codes::table.find(id.to_string()))
        .set(codes::used_at.eq(Some(now.0)))
        .execute(conn)?;
    Ok(())
}

/// An objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) reason: String,
    pub(super) words: String,
    pub(super) objected_at: Instant,
}

pub(super) fn insert_objection(
    conn: &mut Conn,
    id: Uuid,
    link: &LinkRow,
    objection: &Objection,
) -> Result<(), ApiError> {
    let row = (
        objections::id.eq(id.to_string()),
        objections::link_id.eq(link.id.0.to_string()),
        objections::case_id.eq(link.case_id.0.to_string()),
        objections::version_id.eq(link.version_id.0.to_string()),
        objections::reason.eq(&objection.reason),
        objections::words.eq(&objection.words),
        objections::objected_at.eq(objection.objected_at.0),
    );
    diesel::insert_into(objections::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn count_objections(conn: &mut Conn, link_id: LinkId) -> Result<i64, ApiError> {
    let own = objections::table.filter(objections::link_id.eq(link_id.to_string()));
    Ok(own.count().get_result(conn)?)
}

pub(super) fn last_objected_at(
    conn: &mut Conn,
    version_id: VersionId,
) -> Result<Option<Instant>, ApiError> {
    let last: Option<i64> = objections::table
        .filter(objections::version_id.eq(version_id.to_string()))
        .select(max(objections::objected_at))
        .first(conn)?;
    Ok(last.map(Instant))
}

pub(super) fn list_objections(
    conn: &mut Conn,
    version_id: VersionId,
) -> Result<Vec<Objection>, ApiError> {
    let rows: Vec<(String, String, Ms)> = objections::table
        .filter(objections::version_id.eq(version_id.to_string()))
        .order((objections::objected_at, objections::id))
        .select((objections::reason, objections::words, objections::objected_at))
        .limit(100)
        .load(conn)?;
    let objection =
        |(reason, words, at): (String, String, Ms)| Objection { reason, words, objected_at: at.0 };
    Ok(rows.into_iter().map(objection).collect())
}

/// An agreement as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = agreements)]
pub(super) struct AgreementRow {
    pub(super) version_id: Id<VersionId>,
    pub(super) agreed_at: Ms,
    pub(super) record: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) key_id: String,
}

/// An agreement to insert.
pub(super) struct NewAgreement<'a> {
    pub(super) link: &'a LinkRow,
    pub(super) code_id: Uuid,
    pub(super) agreed_at: Instant,
    pub(super) record: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) key_id: &'a str,
}

pub(super) fn insert_agreement(conn: &mut Conn, new: &NewAgreement<'_>) -> Result<(), ApiError> {
    let row = (
        agreements::version_id.eq(new.link.version_id.0.to_string()),
        agreements::case_id.eq(new.link.case_id.0.to_string()),
        agreements::link_id.eq(new.link.id.0.to_string()),
        agreements::code_id.eq(new.code_id.to_string()),
        agreements::agreed_at.eq(new.agreed_at.0),
        agreements::record.eq(new.record),
        agreements::signature.eq(new.signature),
        agreements::key_id.eq(new.key_id),
    );
    // Somebody was faster: look again, and find the agreement.
    diesel::insert_into(agreements::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

/// The agreement on a version, through a link or given offline and confirmed.
pub(super) fn find_agreement(
    conn: &mut Conn,
    version_id: VersionId,
) -> Result<Option<AgreementRow>, ApiError> {
    let row = agreements::table.find(version_id.to_string());
    match row.select(AgreementRow::as_select()).first(conn).optional()? {
        Some(row) => Ok(Some(row)),
        None => find_confirmed(conn, version_id),
    }
}

pub(super) fn agreed_at(
    conn: &mut Conn,
    version_id: VersionId,
) -> Result<Option<Instant>, ApiError> {
    let at: Option<Ms> = agreements::table
        .find(version_id.to_string())
        .select(agreements::agreed_at)
        .first(conn)
        .optional()?;
    match at {
        Some(at) => Ok(Some(at.0)),
        None => Ok(find_confirmed(conn, version_id)?.map(|row| row.agreed_at.0)),
    }
}

/// The last agreement of a case. Only the newest version can be agreed on, so it is also the one on
/// the highest version.
pub(super) fn find_last_agreement(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<AgreementRow>, ApiError> {
    let last: Option<AgreementRow> = agreements::table
        .filter(agreements::case_id.eq(case_id.to_string()))
        .order((agreements::agreed_at.desc(), agreements::version_id.desc()))
        .select(AgreementRow::as_select())
        .first(conn)
        .optional()?;
    let offline = find_last_confirmed(conn, case_id)?;
    Ok(match (last, offline) {
        (Some(link), Some(offline)) if offline.agreed_at.0 > link.agreed_at.0 => Some(offline),
        (Some(link), _) => Some(link),
        (None, offline) => offline,
    })
}

/// An authorisation as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = authorisations)]
pub(super) struct AuthorisationRow {
    pub(super) id: Id<Uuid>,
    pub(super) agent_name: String,
    pub(super) agent_phone: String,
    pub(super) principal_role: String,
    pub(super) document_sha256: String,
    pub(super) valid_until: Ms,
    pub(super) recorded_by: Id<PersonId>,
    pub(super) recorded_at: Ms,
    pub(super) revoked_at: Option<Ms>,
}

impl AuthorisationRow {
    pub(super) fn is_in_force(&self, now: Instant) -> bool {
        self.revoked_at.is_none() && self.valid_until.0 > now
    }
}

pub(super) fn insert_authorisation(
    conn: &mut Conn,
    case_id: CaseId,
    row: &AuthorisationRow,
) -> Result<(), ApiError> {
    let row = (
        authorisations::id.eq(row.id.0.to_string()),
        authorisations::case_id.eq(case_id.to_string()),
        authorisations::agent_name.eq(&row.agent_name),
        authorisations::agent_phone.eq(&row.agent_phone),
        authorisations::principal_role.eq(&row.principal_role),
        authorisations::document_sha256.eq(&row.document_sha256),
        authorisations::valid_until.eq(row.valid_until.0.0),
        authorisations::recorded_by.eq(row.recorded_by.0.to_string()),
        authorisations::recorded_at.eq(row.recorded_at.0.0),
    );
    diesel::insert_into(authorisations::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn list_authorisations(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<AuthorisationRow>, ApiError> {
    Ok(authorisations::table
        .filter(authorisations::case_id.eq(case_id.to_string()))
        .order((authorisations::recorded_at.desc(), authorisations::id.desc()))
        .limit(100)
        .select(AuthorisationRow::as_select())
        .load(conn)?)
}

pub(super) fn find_authorisation(
    conn: &mut Conn,
    case_id: CaseId,
    id: Uuid,
) -> Result<Option<AuthorisationRow>, ApiError> {
    Ok(authorisations::table
        .filter(authorisations::id.eq(id.to_string()))
        .filter(authorisations::case_id.eq(case_id.to_string()))
        .select(AuthorisationRow::as_select())
        .first(conn)
        .optional()?)
}

pub(super) fn revoke_authorisation(
    conn: &mut Conn,
    id: Uuid,
    now: Instant,
) -> Result<(), ApiError> {
    let open = authorisations::table
        .filter(authorisations::id.eq(id.to_string()))
        .filter(authorisations::revoked_at.is_null());
    diesel::update(open).set(authorisations::revoked_at.eq(Some(now.0))).execute(conn)?;
    Ok(())
}
