//! From requests to checked notices and profiles.

use api_spec::{
    problem::FieldError,
    promise::{ImportPromiseRequest, ImportWorkingDaysRequest},
};
use chrono::{Datelike, NaiveDate};
use sync_core::{
    calendar::{Day, NoticeFault, YearNotice},
    promise::{ClockRule, OfficeHours, ProfileFault, PromiseProfile},
};

use crate::{
    error::ApiError,
    wire::{self, Fields},
};

pub(super) fn check_notice(
    request: &ImportWorkingDaysRequest,
) -> Result<(YearNotice, String), ApiError> {
    let mut fields = Fields::default();
    let days_off = days(&mut fields, "days_off", &request.days_off);
    let worked = days(&mut fields, "make_up_working_days", &request.make_up_working_days);
    let source = fields.text("source", &request.source, 1, 200);
    let (Some(days_off), Some(worked), Some(source)) = (days_off, worked, source) else {
        return Err(fields.refused());
    };
    let notice = YearNotice {
        year: request.year,
        days_off: days_off.into_iter().collect(),
        make_up_working_days: worked.into_iter().collect(),
    };
    notice.check().map_err(|fault| {
        let (field, code) = match fault {
            NoticeFault::Year => ("year", "out_of_range"),
            NoticeFault::TooFew => ("days_off", "out_of_range"),
            NoticeFault::NoWeekend(_) => ("make_up_working_days", "no_weekend"),
            NoticeFault::OtherYear(_) => ("days_off", "other_year"),
            NoticeFault::Both(_) => ("make_up_working_days", "contradicts"),
        };
        ApiError::invalid_field(field, code, fault.to_string())
    })?;
    Ok((notice, source))
}

fn days(fields: &mut Fields, name: &str, days: &[NaiveDate]) -> Option<Vec<Day>> {
    if days.len() > 366 {
        fields.keep::<()>(Err(FieldError::new(name, "out_of_range", "at most 366 days")));
        return None;
    }
    let day = |(n, date): (usize, &NaiveDate)| {
        let small = |part: u32| u8::try_from(part).unwrap_or(0);
        Day::new(date.year(), small(date.month()), small(date.day())).ok_or_else(|| {
            FieldError::new(format!("{name}[{n}]"), "out_of_range", "a day of the notice's year")
        })
    };
    fields.keep(days.iter().enumerate().map(day).collect())
}

pub(super) fn date(day: Day) -> NaiveDate {
    let (year, month, day) = day.civil();
    NaiveDate::from_ymd_opt(year, month.into(), day.into()).unwrap_or_default()
}

pub(super) fn check_profile(request: ImportPromiseRequest) -> Result<PromiseProfile, ApiError> {
    let mut fields = Fields::default();
    let valid_from = fields.keep(wire::instant("valid_from", request.valid_from));
    let valid_until = match request.valid_until {
        None => Some(None),
        Some(at) => fields.keep(wire::instant("valid_until", at)).map(Some),
    };
    let rules = rules(&mut fields, request.rules);
    let (Some(valid_from), Some(valid_until), Some(rules)) = (valid_from, valid_until, rules)
    else {
        return Err(fields.refused());
    };
    let standard = OfficeHours::STANDARD;
    let profile = PromiseProfile {
        code: request.code,
        version: request.version,
        valid_from,
        valid_until,
        office: OfficeHours {
            open_minute: request.office_open_minute.unwrap_or(standard.open_minute),
            close_minute: request.office_close_minute.unwrap_or(standard.close_minute),
        },
        rules,
    };
    profile.check().map_err(|fault| {
        let (field, code) = match fault {
            ProfileFault::Code => ("code", "malformed"),
            ProfileFault::Validity { .. } => ("valid_until", "out_of_range"),
            ProfileFault::Limits { .. }
            | ProfileFault::Event { .. }
            | ProfileFault::Twice { .. } => ("rules", "out_of_range"),
        };
        ApiError::invalid_field(field, code, fault.to_string())
    })?;
    if profile.code == PromiseProfile::DEFAULT_CODE && profile.version == 1 {
        return Err(ApiError::invalid_field(
            "version",
            "taken",
            "version 1 of it is the shipped one",
        ));
    }
    Ok(profile)
}

/// The named rules, and for every other clock the shipped one.
fn rules(fields: &mut Fields, given: Vec<serde_json::Value>) -> Option<Vec<ClockRule>> {
    if given.len() > 64 {
        fields.keep::<()>(Err(FieldError::new("rules", "out_of_range", "at most 64 rules")));
        return None;
    }
    let mut rules = Vec::with_capacity(given.len());
    for (n, value) in given.into_iter().enumerate() {
        let rule = serde_json::from_value::<ClockRule>(value).map_err(|fault| {
            FieldError::new(format!("rules[{n}]"), "wrong_shape", fault.to_string())
        });
        rules.push(fields.keep(rule)?);
    }
    for shipped in PromiseProfile::zhejiang_2010().rules {
        if !rules.iter().any(|rule| rule.clock == shipped.clock) {
            rules.push(shipped);
        }
    }
    Some(rules)
}
