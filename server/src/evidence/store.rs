//! Rows of declared photos and of stored contents.

mod shop;

use diesel::prelude::*;
use sync_core::{
    geo::Point,
    ids::{CaseId, DeviceId, LineId, PersonId, PhotoId},
    photo::{ContentHash, PhotoSlot},
    time::Instant,
};

use super::{
    inspect::Picture,
    media::MediaType,
    rules::{Declaration, Surroundings},
};
use crate::{
    auth::policy::Actor,
    db::{
        Conn,
        schema::{blobs, copies, photo_likenesses, photo_looks, photos},
        types::{Id, Json, Ms},
    },
    error::ApiError,
};

pub(super) use shop::*;

/// A photo as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = photos)]
pub(super) struct PhotoRow {
    pub(super) id: Id<PhotoId>,
    case_id: Id<CaseId>,
    sha256: Id<ContentHash>,
    size: i64,
    slot: Id<PhotoSlot>,
    captured_at: Ms,
    lat: Option<f64>,
    lon: Option<f64>,
    accuracy_m: Option<f64>,
    mock: Option<bool>,
    line_id: Option<Id<LineId>>,
    pub(super) declared_at: Ms,
    pub(super) declared_by: Id<PersonId>,
    pub(super) received_at: Option<Ms>,
    device_id: Option<Id<DeviceId>>,
}

impl PhotoRow {
    /// Who announced it, with which device.
    pub(super) fn declared_by(&self) -> (PersonId, Option<DeviceId>) {
        (self.declared_by.0, self.device_id.map(|id| id.0))
    }

    pub(super) fn declaration(&self) -> Declaration {
        Declaration {
            id: self.id.0,
            case_id: self.case_id.0,
            sha256: self.sha256.0,
            size: u64::try_from(self.size).unwrap_or_default(),
            slot: self.slot.0,
            captured_at: self.captured_at.0,
            position: self.lat.zip(self.lon).and_then(|(lat, lon)| Point::new(lat, lon).ok()),
            accuracy_m: self.accuracy_m,
            mock: self.mock,
            line_id: self.line_id.map(|id| id.0),
        }
    }
}

/// A stored content.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = blobs)]
pub(super) struct BlobRow {
    pub(super) media_type: String,
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) camera: Json,
}

impl BlobRow {
    /// What the bytes themselves say of a photo's surroundings.
    pub(super) fn surroundings(&self, around: Surroundings) -> Surroundings {
        let pixel = |length: i64| u32::try_from(length).unwrap_or(0);
        let pixels = (pixel(self.width), pixel(self.height));
        Surroundings { pixels, png: self.media_type == MediaType::Png.as_str(), ..around }
    }
}

pub(super) fn find(conn: &mut Conn, id: PhotoId) -> Result<Option<PhotoRow>, ApiError> {
    Ok(photos::table.find(id.to_string()).select(PhotoRow::as_select()).first(conn).optional()?)
}

/// In the order of declaration; bounded by `rules::MOST_PHOTOS`.
pub(super) fn list(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PhotoRow>, ApiError> {
    Ok(photos::table
        .filter(photos::case_id.eq(case_id.to_string()))
        .order((photos::declared_at, photos::id))
        .select(PhotoRow::as_select())
        .load(conn)?)
}

/// A photo with this content that this person has declared, in this case or the one declared last.
pub(super) fn find_declared_by(
    conn: &mut Conn,
    person: PersonId,
    case_id: Option<CaseId>,
    sha256: ContentHash,
) -> Result<Option<PhotoRow>, ApiError> {
    let mut query = photos::table
        .filter(photos::sha256.eq(sha256.to_string()))
        .filter(photos::declared_by.eq(person.to_string()))
        .order((photos::declared_at.desc(), photos::id.desc()))
        .select(PhotoRow::as_select())
        .into_boxed();
    if let Some(case_id) = case_id {
        query = query.filter(photos::case_id.eq(case_id.to_string()));
    }
    Ok(query.first(conn).optional()?)
}

/// Which cases have received a content, and when last.
pub(super) fn list_receipts(
    conn: &mut Conn,
    sha256: ContentHash,
) -> Result<Vec<(CaseId, Instant)>, ApiError> {
    let rows: Vec<(Id<CaseId>, Option<Ms>)> = photos::table
        .filter(photos::sha256.eq(sha256.to_string()))
        .filter(photos::received_at.is_not_null())
        .order(photos::received_at)
        .select((photos::case_id, photos::received_at))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(case, at)| Some((case.0, at?.0))).collect())
}

/// The contents that a case has received.
pub(super) fn list_received(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<ContentHash>, ApiError> {
    let rows: Vec<Id<ContentHash>> = photos::table
        .filter(photos::case_id.eq(case_id.to_string()))
        .filter(photos::received_at.is_not_null())
        .select(photos::sha256)
        .distinct()
        .order(photos::sha256)
        .load(conn)?;
    Ok(rows.into_iter().map(|hash| hash.0).collect())
}

/// Contents in the order of their names, behind this one.
pub(super) fn list_contents(
    conn: &mut Conn,
    after: Option<ContentHash>,
    most: i64,
) -> Result<Vec<ContentHash>, ApiError> {
    let after = after.map(|hash| hash.to_string()).unwrap_or_default();
    let rows: Vec<Id<ContentHash>> = blobs::table
        .filter(blobs::sha256.gt(after))
        .filter(blobs::removed_at.is_null())
        .order(blobs::sha256)
        .limit(most)
        .select(blobs::sha256)
        .load(conn)?;
    Ok(rows.into_iter().map(|hash| hash.0).collect())
}

/// Every case that has photos.
pub(super) fn list_cases(conn: &mut Conn) -> Result<Vec<CaseId>, ApiError> {
    let cases: Vec<Id<CaseId>> =
        photos::table.select(photos::case_id).distinct().order(photos::case_id).load(conn)?;
    Ok(cases.into_iter().map(|id| id.0).collect())
}

/// [`list`] with what the received bytes are.
pub(super) fn list_with_contents(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<(PhotoRow, Option<BlobRow>)>, ApiError> {
    Ok(photos::table
        .left_join(blobs::table.on(blobs::sha256.eq(photos::sha256)))
        .filter(photos::case_id.eq(case_id.to_string()))
        .order((photos::declared_at, photos::id))
        .select((PhotoRow::as_select(), Option::<BlobRow>::as_select()))
        .load(conn)?)
}

/// The photos of a case with this content, by id.
pub(super) fn list_by_content(
    conn: &mut Conn,
    case_id: CaseId,
    sha256: ContentHash,
) -> Result<Vec<PhotoRow>, ApiError> {
    Ok(photos::table
        .filter(photos::case_id.eq(case_id.to_string()))
        .filter(photos::sha256.eq(sha256.to_string()))
        .order(photos::id)
        .select(PhotoRow::as_select())
        .load(conn)?)
}

/// A few of the cases, newest first, that have received this content.
pub(super) fn list_cases_with(
    conn: &mut Conn,
    sha256: ContentHash,
    limit: i64,
) -> Result<Vec<CaseId>, ApiError> {
    let cases: Vec<Id<CaseId>> = photos::table
        .filter(photos::sha256.eq(sha256.to_string()))
        .filter(photos::received_at.is_not_null())
        .order(photos::id.desc())
        .limit(limit)
        .select(photos::case_id)
        .load(conn)?;
    Ok(cases.into_iter().map(|id| id.0).collect())
}

pub(super) fn insert(
    conn: &mut Conn,
    new: &Declaration,
    actor: &Actor,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        photos::id.eq(new.id.to_string()),
        photos::case_id.eq(new.case_id.to_string()),
        photos::sha256.eq(new.sha256.to_string()),
        photos::size.eq(column(new.size)),
        photos::slot.eq(new.slot.as_str()),
        photos::captured_at.eq(new.captured_at.0),
        photos::lat.eq(new.position.map(Point::lat)),
        photos::lon.eq(new.position.map(Point::lon)),
        photos::accuracy_m.eq(new.accuracy_m),
        photos::mock.eq(new.mock),
        photos::line_id.eq(new.line_id.map(|id| id.to_string())),
        photos::declared_at.eq(now.0),
        photos::declared_by.eq(actor.person.to_string()),
        photos::device_id.eq(actor.device.map(|id| id.to_string())),
    );
    diesel::insert_into(photos::table).values(row).execute(conn)?;
    Ok(())
}

/// Marks one photo as received; answers whether it was not before.
pub(super) fn update_received(
    conn: &mut Conn,
    id: PhotoId,
    actor: &Actor,
    now: Instant,
) -> Result<bool, ApiError> {
    let waiting =
        photos::table.filter(photos::id.eq(id.to_string())).filter(photos::received_at.is_null());
    let changed = diesel::update(waiting)
        .set((photos::received_at.eq(now.0), photos::received_by.eq(actor.person.to_string())))
        .execute(conn)?;
    Ok(changed > 0)
}

pub(super) fn find_content(
    conn: &mut Conn,
    sha256: ContentHash,
) -> Result<Option<BlobRow>, ApiError> {
    Ok(blobs::table
        .find(sha256.to_string())
        .filter(blobs::removed_at.is_null())
        .select(BlobRow::as_select())
        .first(conn)
        .optional()?)
}

/// The bytes of a content are deleted; answers whether they were not before.
pub(super) fn update_removed(
    conn: &mut Conn,
    sha256: ContentHash,
    now: Instant,
) -> Result<bool, ApiError> {
    let standing = blobs::table
        .filter(blobs::sha256.eq(sha256.to_string()))
        .filter(blobs::removed_at.is_null());
    Ok(diesel::update(standing).set(blobs::removed_at.eq(now.0)).execute(conn)? > 0)
}

/// Whether the bytes of a content were deleted.
pub(super) fn is_removed(conn: &mut Conn, sha256: ContentHash) -> Result<bool, ApiError> {
    let removed = blobs::table
        .filter(blobs::sha256.eq(sha256.to_string()))
        .filter(blobs::removed_at.is_not_null());
    Ok(diesel::select(diesel::dsl::exists(removed)).get_result(conn)?)
}

/// Whether anything was made of a content.
pub(super) fn is_derived(conn: &mut Conn, sha256: ContentHash) -> Result<bool, ApiError> {
    let text = sha256.to_string();
    let copied = copies::table.filter(copies::sha256.eq(&text));
    let looked = photo_looks::table.filter(photo_looks::sha256.eq(&text));
    let like = photo_likenesses::table.filter(photo_likenesses::sha256.eq(&text));
    Ok(diesel::select(diesel::dsl::exists(copied)).get_result::<bool>(conn)?
        || diesel::select(diesel::dsl::exists(looked)).get_result::<bool>(conn)?
        || diesel::select(diesel::dsl::exists(like)).get_result::<bool>(conn)?)
}

/// The names of all contents, as they stand there.
pub(super) fn list_all_named(conn: &mut Conn) -> Result<Vec<String>, ApiError> {
    Ok(blobs::table.select(blobs::sha256).order(blobs::sha256).load(conn)?)
}

/// Whether these bytes are needed as an original.
pub(super) fn is_original(conn: &mut Conn, sha256: ContentHash) -> Result<bool, ApiError> {
    Ok(find_content(conn, sha256)?.is_some())
}

/// Other cases that have received one of these contents.
pub(super) fn list_other_cases_with(
    conn: &mut Conn,
    case_id: CaseId,
    contents: &[ContentHash],
) -> Result<Vec<CaseId>, ApiError> {
    let contents: Vec<String> = contents.iter().map(ContentHash::to_string).collect();
    let cases: Vec<Id<CaseId>> = photos::table
        .filter(photos::sha256.eq_any(contents))
        .filter(photos::case_id.ne(case_id.to_string()))
        .filter(photos::received_at.is_not_null())
        .select(photos::case_id)
        .distinct()
        .limit(20)
        .load(conn)?;
    Ok(cases.into_iter().map(|id| id.0).collect())
}

/// Notes what stored bytes are, once; answers whether it is news.
pub(super) fn insert_content(
    conn: &mut Conn,
    sha256: ContentHash,
    size: u64,
    picture: &Picture,
    now: Instant,
) -> Result<bool, ApiError> {
    if find_content(conn, sha256)?.is_some() {
        return Ok(false);
    }
    // Bytes that were deleted after their time come again.
    let again = blobs::table.find(sha256.to_string());
    if diesel::update(again).set(blobs::removed_at.eq(None::<i64>)).execute(conn)? > 0 {
        return Ok(true);
    }
    let camera = serde_json::to_string(&picture.camera).map_err(ApiError::internal)?;
    let row = (
        blobs::sha256.eq(sha256.to_string()),
        blobs::size.eq(column(size)),
        blobs::media_type.eq(picture.media_type.as_str()),
        blobs::width.eq(i64::from(picture.width)),
        blobs::height.eq(i64::from(picture.height)),
        blobs::camera.eq(camera),
        blobs::stored_at.eq(now.0),
    );
    // Another node stored the same bytes at the same time: its row is as good.
    diesel::insert_into(blobs::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(true)
}

/// Sizes are far below 2^63.
fn column(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
