//! From the request to checked declarations: every refused field at once.

use api_spec::{
    evidence::{DeclarePhotosRequest, DeclaredPhoto},
    problem::FieldError,
};
use sync_core::{
    ids::{CaseId, LineId, PhotoId},
    photo::{ContentHash, MOST_BYTES, MOST_DECLARED, PhotoSlot},
};

use super::rules::Declaration;
use crate::{
    error::ApiError,
    wire::{self, Fields},
};

pub(super) fn check_declarations(
    case_id: CaseId,
    request: &DeclarePhotosRequest,
) -> Result<Vec<Declaration>, ApiError> {
    if !(1..=MOST_DECLARED).contains(&request.photos.len()) {
        let allowed = format!("1 to {MOST_DECLARED} photos in one call");
        return Err(ApiError::invalid_field("photos", "wrong_length", allowed));
    }
    let mut fields = Fields::default();
    let numbered = request.photos.iter().enumerate();
    let checked: Vec<_> =
        numbered.map(|(n, photo)| check(&mut fields, case_id, n, photo)).collect();
    match checked.into_iter().collect() {
        Some(declarations) => Ok(declarations),
        None => Err(fields.refused()),
    }
}

fn check(
    fields: &mut Fields,
    case_id: CaseId,
    n: usize,
    photo: &DeclaredPhoto,
) -> Option<Declaration> {
    let field = |name: &str| format!("photos.{n}.{name}");
    let refused =
        |name: &str, code: &str, allowed: String| FieldError::new(field(name), code, allowed);
    let sha256 = fields.keep(
        photo
            .sha256
            .parse::<ContentHash>()
            .map_err(|refusal| refused("sha256", "not_a_hash", refusal.to_string())),
    );
    let slot = fields.keep(photo.slot.parse::<PhotoSlot>().map_err(|_| {
        refused("slot", "unknown", "one of the slots of the API reference, or other".into())
    }));
    let most = slot.map_or(MOST_BYTES, PhotoSlot::most_bytes);
    let size = u64::try_from(photo.size).ok().filter(|size| (1..=most).contains(size));
    let size = fields.keep(
        size.ok_or_else(|| refused("size", "out_of_range", format!("bytes from 1 to {most}"))),
    );
    let captured_at = fields.keep(wire::instant(&field("captured_at"), photo.captured_at));
    let position = match photo.position {
        Some(position) => fields.keep(wire::point(&field("position"), position)).map(Some),
        None => Some(None),
    };
    Some(Declaration {
        id: PhotoId(photo.id),
        case_id,
        sha256: sha256?,
        size: size?,
        slot: slot?,
        captured_at: captured_at?,
        position: position?,
        accuracy_m: photo.position.and_then(|position| position.accuracy_m),
        mock: photo.mock,
        line_id: photo.line_id.map(LineId),
    })
}
