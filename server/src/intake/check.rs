//! From the request to a checked report: every refused field at once.

use api_spec::{
    case::ReportCaseRequest,
    problem::{FieldError, Warning},
};
use sync_core::{
    identifiers::{IdentifierRefusal, IdentifierWarning, check_phone, check_plate, check_vin},
    time::{Instant, Span},
};

use super::rules::Report;
use crate::{
    error::ApiError,
    wire::{self, Fields},
};

/// A report whose values are accepted, and what looks wrong about them (B4).
pub(super) struct Checked {
    pub(super) report: Report,
    pub(super) warnings: Vec<Warning>,
}

pub(super) fn check_report(request: &ReportCaseRequest, now: Instant) -> Result<Checked, ApiError> {
    let mut fields = Fields::default();
    let mut warnings = Vec::new();

    let customer_name = fields.text("customer_name", &request.customer_name, 1, 100);
    let contact_name = match &request.contact_name {
        Some(name) => fields.text("contact_name", name, 1, 100),
        None => customer_name.clone(),
    };
    let phone = check_phone(&request.contact_phone);
    let contact_phone = fields.keep(phone.map_err(|r| identifier_refusal("contact_phone", r)));
    let plate =
        fields.keep(check_plate(&request.plate).map_err(|r| identifier_refusal("plate", r)));
    let vin =
        request.vin.as_deref().map(|vin| check_vin(vin).map_err(|r| identifier_refusal("vin", r)));
    let vin = match vin {
        Some(checked) => fields.keep(checked).map(Some),
        None => Some(None),
    };
    let policy_no = optional(&mut fields, "policy_no", request.policy_no.as_deref(), 64);
    let description = optional(&mut fields, "description", request.description.as_deref(), 2_000);
    let loss_place = fields.text("loss_place", &request.loss_place, 1, 300);
    let loss_at =
        fields.keep(wire::instant("loss_at", request.loss_at).and_then(|at| not_ahead(at, now)));
    let position = match request.position {
        Some(position) => fields.keep(wire::given_point("position", position)).map(Some),
        None => Some(None),
    };

    for warning in plate.iter().flat_map(|plate| &plate.warnings) {
        warnings.push(identifier_warning("plate", *warning));
    }
    for warning in vin.iter().flatten().flat_map(|vin| &vin.warnings) {
        warnings.push(identifier_warning("vin", *warning));
    }
    let report = (|| {
        let (position, datum) = position?.unzip();
        Some(Report {
            customer_name: customer_name?,
            contact_name: contact_name?,
            contact_phone: contact_phone?.normalised,
            plate: plate?.normalised,
            vin: vin?.map(|vin| vin.normalised),
            policy_no: policy_no?,
            loss_at: loss_at?,
            loss_place: loss_place?,
            position,
            datum,
            accuracy_m: request.position.and_then(|position| position.accuracy_m),
            description: description?,
            injured: request.injured,
            drivable: request.drivable,
        })
    })();
    match report {
        Some(report) => Ok(Checked { report, warnings }),
        None => Err(fields.refused()),
    }
}

fn optional(
    fields: &mut Fields,
    name: &str,
    text: Option<&str>,
    most: usize,
) -> Option<Option<String>> {
    match text {
        Some(text) => fields.text(name, text, 1, most).map(Some),
        None => Some(None),
    }
}

/// Ten minutes of grace: the caller's clock is not ours.
fn not_ahead(at: Instant, now: Instant) -> Result<Instant, FieldError> {
    if at <= now + Span::minutes(10) {
        Ok(at)
    } else {
        Err(FieldError::new("loss_at", "in_the_future", "a loss that has happened already"))
    }
}

/// A refused identifier as a refused field.
#[must_use]
pub fn identifier_refusal(field: &str, refusal: IdentifierRefusal) -> FieldError {
    use IdentifierRefusal as R;
    let allowed = match refusal {
        R::Empty => "must not be empty",
        R::TooLong => "longer than any identifier of this kind",
        R::PlateFormat => "a mainland number plate such as 浙A12345 or 浙AD12345",
        R::PlateLetterIOrO => "number plates have no letters I and O: write 1 or 0",
        R::VinLength => "a VIN has 17 characters",
        R::VinCharacter => "a VIN has digits and letters only",
        R::VinLetterIOrOOrQ => "a VIN has no letters I, O and Q: write 1 or 0",
        R::PhoneFormat => "a mobile number such as 13800000000, or a landline with its area code",
        R::PersonIdFormat => "an identity card or passport number",
    };
    FieldError::new(field, refusal.code(), allowed)
}

fn identifier_warning(field: &str, warning: IdentifierWarning) -> Warning {
    use IdentifierWarning as W;
    let message = match warning {
        W::PlateUnverified => "a kind of plate whose form is not checked",
        W::VinCheckDigit => "the check digit is wrong: a typing error, or an imported car",
        W::PersonIdCheckDigit => "the check digit is wrong",
        W::PersonIdBirthDate => "no possible date of birth",
        W::PersonIdUnverified => "a paper whose form is not checked",
    };
    Warning { field: field.into(), code: warning.as_str().into(), message: message.into() }
}
