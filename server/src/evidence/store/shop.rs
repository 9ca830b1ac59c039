//! Rows of photos that repair shops sent.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PhotoId, ShopId},
    photo::ContentHash,
};
use uuid::Uuid;

use super::super::rules::Declaration;
use crate::{
    db::{
        Conn,
        schema::{photos, shop_photos},
        types::Id,
    },
    error::ApiError,
};

/// A photo of a shop.
#[derive(Clone, Debug, Queryable)]
pub(in crate::evidence) struct ShopPhotoRow {
    pub(in crate::evidence) photo_id: Id<PhotoId>,
    pub(in crate::evidence) shop_id: Id<ShopId>,
    pub(in crate::evidence) supplement_id: Option<Id<Uuid>>,
    sha256: Id<ContentHash>,
}

impl ShopPhotoRow {
    /// Whether it shows these bytes for this request.
    pub(in crate::evidence) fn is(&self, sha256: ContentHash, request_id: Option<Uuid>) -> bool {
        self.sha256.0 == sha256 && self.supplement_id.map(|id| id.0) == request_id
    }
}

pub(in crate::evidence) fn insert_shop_photo(
    conn: &mut Conn,
    photo: &Declaration,
    shop: ShopId,
    request_id: Option<Uuid>,
) -> Result<(), ApiError> {
    let row = (
        shop_photos::photo_id.eq(photo.id.to_string()),
        shop_photos::case_id.eq(photo.case_id.to_string()),
        shop_photos::shop_id.eq(shop.to_string()),
        shop_photos::supplement_id.eq(request_id.map(|id| id.to_string())),
    );
    diesel::insert_into(shop_photos::table).values(row).execute(conn)?;
    Ok(())
}

/// Those of a case; bounded like its photos.
pub(in crate::evidence) fn list_shop_photos(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<ShopPhotoRow>, ApiError> {
    Ok(shop_photos::table
        .inner_join(photos::table)
        .filter(shop_photos::case_id.eq(case_id.to_string()))
        .order(shop_photos::photo_id)
        .select((
            shop_photos::photo_id,
            shop_photos::shop_id,
            shop_photos::supplement_id,
            photos::sha256,
        ))
        .load(conn)?)
}
