//! Handlers.

pub(super) mod branches;
pub(super) mod devices;
pub(super) mod keys;
pub(super) mod people;
pub(super) mod sessions;

use api_spec::{identity::PersonResponse, problem::FieldError};

use super::{
    rules::person::Refused,
    store::people::{PersonRow, roles},
};
use crate::wire;

fn person_response(row: PersonRow) -> PersonResponse {
    PersonResponse {
        id: row.id.0.into(),
        username: row.username,
        name: row.name,
        staff_no: row.staff_no,
        phone: row.phone,
        roles: roles(&row.roles).into_iter().map(|role| role.as_str().to_owned()).collect(),
        branch_id: row.branch_id.0.into(),
        shop_id: row.shop_id.map(|id| id.0.into()),
        disabled_at: row.disabled_at.map(|at| wire::time(at.0)),
        version: row.version,
    }
}

pub(super) fn refused_field(refused: Refused) -> FieldError {
    FieldError::new(refused.field, refused.code, refused.allowed)
}
