//! From requests to checked values: every refused field at once.

use api_spec::{
    problem::{FieldError, Warning},
    repair::{ChooseShopRequest, CreateShopRequest, OtherShop, ShopClass},
};
use sync_core::{
    identifiers::check_phone,
    ids::ShopId,
    time::{Instant, Span},
};

use super::{
    rules::{self, Class},
    store::NewShop,
};
use crate::{
    error::ApiError,
    intake::identifier_refusal,
    wire::{self, Fields},
};

pub(super) fn check_shop(request: &CreateShopRequest) -> Result<(NewShop, Vec<Warning>), ApiError> {
    let mut fields = Fields::default();
    let name = fields.text("name", &request.name, 1, 100);
    let address = fields.text("address", &request.address, 1, 200);
    let phone = phone(&mut fields, "phone", request.phone.as_deref());
    let licence_no = fields.text("licence_no", &request.licence_no, 1, 64);
    let code = rules::credit_code(&request.credit_code).ok_or_else(|| {
        let allowed = "18 digits and capital letters without I, O, S, V and Z";
        FieldError::new("credit_code", "credit_code_format", allowed)
    });
    let code = fields.keep(code);
    let ends_at = rules::licence_end(request.licence_valid_until.to_epoch_days());
    let plausible = if ends_at.is_plausible() {
        Ok(ends_at)
    } else {
        let allowed = "a day between the years 2000 and 2099";
        Err(FieldError::new("licence_valid_until", "out_of_range", allowed))
    };
    let licence_ends_at = fields.keep(plausible);
    let position = match request.position {
        None => Some(None),
        Some(position) => {
            fields.keep(wire::given_point("position", position)).map(|(place, _)| Some(place))
        }
    };
    let hours = match &request.hours {
        None => Some(None),
        Some(hours) => fields.text("hours", hours, 1, 100).map(Some),
    };
    let mut warnings = Vec::new();
    if code.as_ref().is_some_and(|code| !code.check_fits) {
        warnings.push(Warning {
            field: "credit_code".into(),
            code: "credit_code_check_character".into(),
            message: "the check character is wrong: a typing error?".into(),
        });
    }
    let shop = (|| {
        Some(NewShop {
            name: name?,
            address: address?,
            phone: phone?,
            class: class_from_wire(request.class),
            licence_no: licence_no?,
            licence_ends_at: licence_ends_at?,
            credit_code: code?.normalised,
            position: position?,
            hours: hours?,
        })
    })();
    match shop {
        Some(shop) => Ok((shop, warnings)),
        None => Err(fields.refused()),
    }
}

/// What the customer chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckedChoice {
    pub(super) shop_id: Option<ShopId>,
    pub(super) other: Option<(String, Option<String>)>,
    pub(super) chosen_at: Instant,
    /// By the device's own clock, if the choice was not made now.
    pub(super) device_at: Option<Instant>,
}

pub(super) fn check_choice(
    request: &ChooseShopRequest,
    now: Instant,
) -> Result<CheckedChoice, ApiError> {
    let mut fields = Fields::default();
    let other = match (&request.shop_id, &request.other_shop) {
        (Some(_), None) => Some(None),
        (None, Some(other)) => other_shop(&mut fields, other).map(Some),
        _ => {
            let allowed = "exactly one of shop_id and other_shop";
            fields.keep::<()>(Err(FieldError::new("shop_id", "exactly_one", allowed)));
            None
        }
    };
    if !request.free_choice_told {
        let allowed = "tell the customer first that any shop may be chosen (C18)";
        fields.keep::<()>(Err(FieldError::new("free_choice_told", "must_be_true", allowed)));
    }
    let chosen_at = match request.chosen_at {
        None => Some(now),
        Some(at) => fields.keep(wire::instant("chosen_at", at).and_then(|at| not_ahead(at, now))),
    };
    match (other, chosen_at, request.free_choice_told) {
        (Some(other), Some(chosen_at), true) => {
            let device_at = request.chosen_at.map(|at| Instant(at.timestamp_millis()));
            Ok(CheckedChoice { shop_id: request.shop_id.map(ShopId), other, chosen_at, device_at })
        }
        _ => Err(fields.refused()),
    }
}

/// Ten minutes of grace: the device's clock is not ours.
fn not_ahead(at: Instant, now: Instant) -> Result<Instant, FieldError> {
    if at <= now + Span::minutes(10) {
        Ok(at.min(now))
    } else {
        Err(FieldError::new("chosen_at", "in_the_future", "a choice that was made already"))
    }
}

fn other_shop(fields: &mut Fields, other: &OtherShop) -> Option<(String, Option<String>)> {
    let name = fields.text("other_shop.name", &other.name, 1, 100);
    let phone = phone(fields, "other_shop.phone", other.phone.as_deref());
    Some((name?, phone?))
}

fn phone(fields: &mut Fields, field: &str, text: Option<&str>) -> Option<Option<String>> {
    let Some(text) = text else { return Some(None) };
    let checked = check_phone(text).map_err(|refusal| identifier_refusal(field, refusal));
    fields.keep(checked).map(|phone| Some(phone.normalised))
}

fn class_from_wire(class: ShopClass) -> Class {
    match class {
        ShopClass::One => Class::One,
        ShopClass::Two => Class::Two,
        ShopClass::Three => Class::Three,
    }
}

pub(super) fn class_on_wire(class: Class) -> ShopClass {
    match class {
        Class::One => ShopClass::One,
        Class::Two => ShopClass::Two,
        Class::Three => ShopClass::Three,
    }
}
