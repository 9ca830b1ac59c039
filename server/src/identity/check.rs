//! Requests about people, checked and brought into the form that is stored.

use api_spec::{
    identity::{CreatePersonRequest, UpdatePersonRequest},
    problem::FieldError,
};
use sync_core::{
    identifiers::check_phone,
    ids::{BranchId, ShopId},
};

use super::{
    api::refused_field,
    rules::person::{ShopField, check_password, check_shop, check_username, parse_roles},
};
use crate::{auth::policy::Role, error::ApiError, wire::Fields};

/// A new person whose every field is right by itself.
#[derive(Clone, Debug)]
pub(super) struct CheckedPerson {
    pub(super) username: String,
    pub(super) name: String,
    pub(super) staff_no: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) roles: Vec<Role>,
    pub(super) branch: BranchId,
    pub(super) shop: Option<ShopId>,
}

/// Checks a new person; all refused fields at once.
///
/// # Errors
/// `invalid_fields`.
pub(super) fn check_new(request: &CreatePersonRequest) -> Result<CheckedPerson, ApiError> {
    let mut fields = Fields::default();
    fields.keep(check_username(&request.username).map_err(refused_field));
    fields.keep(check_password(&request.password, &request.username).map_err(refused_field));
    let name = fields.text("name", &request.name, 1, 64);
    let staff_no = request.staff_no.as_deref().map(|no| staff_no(&mut fields, no));
    let phone = request.phone.as_deref().map(|text| phone(&mut fields, text));
    let roles = fields.keep(parse_roles(&request.roles).map_err(refused_field));
    if let Some(roles) = &roles {
        fields.keep(check_shop(roles, shop_field(request.shop_id)).map_err(refused_field));
    }
    match (name, roles) {
        (Some(name), Some(roles)) => {
            fields.finish()?;
            Ok(CheckedPerson {
                username: request.username.clone(),
                name,
                staff_no: staff_no.flatten(),
                phone: phone.flatten().flatten(),
                roles,
                branch: request.branch_id.into(),
                shop: request.shop_id.map(Into::into),
            })
        }
        _ => Err(fields.refused()),
    }
}

/// A change whose every field is right by itself; `None` leaves things as they are.
#[derive(Clone, Debug)]
pub(super) struct CheckedChange {
    pub(super) name: Option<String>,
    pub(super) staff_no: Option<String>,
    /// `Some(None)` removes the number.
    pub(super) phone: Option<Option<String>>,
    pub(super) roles: Option<Vec<Role>>,
    pub(super) branch: Option<BranchId>,
    pub(super) shop: Option<ShopId>,
    pub(super) disabled: Option<bool>,
}

impl CheckedChange {
    /// Whether it touches what the person may do.
    pub(super) fn changes_standing(&self) -> bool {
        self.roles.is_some()
            || self.branch.is_some()
            || self.shop.is_some()
            || self.disabled.is_some()
    }
}

/// Checks a change; all refused fields at once.
///
/// # Errors
/// `invalid_fields`.
pub(super) fn check_change(
    request: &UpdatePersonRequest,
    username: &str,
) -> Result<CheckedChange, ApiError> {
    let mut fields = Fields::default();
    if let Some(password) = &request.password {
        fields.keep(check_password(password, username).map_err(refused_field));
    }
    let name = request.name.as_deref().map(|name| fields.text("name", name, 1, 64));
    let staff_no = request.staff_no.as_deref().map(|no| staff_no(&mut fields, no));
    let phone = request.phone.as_deref().map(|text| phone(&mut fields, text));
    let roles =
        request.roles.as_ref().map(|roles| fields.keep(parse_roles(roles).map_err(refused_field)));
    fields.finish()?;
    Ok(CheckedChange {
        name: name.flatten(),
        staff_no: staff_no.flatten(),
        phone: phone.flatten(),
        roles: roles.flatten(),
        branch: request.branch_id.map(Into::into),
        shop: request.shop_id.map(Into::into),
        disabled: request.disabled,
    })
}

pub(super) fn shop_field(shop: Option<uuid::Uuid>) -> ShopField {
    if shop.is_some() { ShopField::Named } else { ShopField::Absent }
}

fn staff_no(fields: &mut Fields, text: &str) -> Option<String> {
    fields.text("staff_no", text, 1, 32)
}

/// The number in its stored form; empty text is no number.
fn phone(fields: &mut Fields, text: &str) -> Option<Option<String>> {
    if text.trim().is_empty() {
        return Some(None);
    }
    let checked = check_phone(text).map_err(|refusal| {
        FieldError::new(
            "phone",
            refusal.code(),
            "a mobile number such as 13800000000, or a landline with its area code",
        )
    });
    fields.keep(checked).map(|phone| Some(phone.normalised))
}
