//! One rule of a promise: when a clock starts, what stops it, and how its limit is counted.

use serde::{Deserialize, Serialize};

use super::ZoneClass;
use crate::{
    calendar::{Counted, Day, WorkCalendar},
    clock::ClockName,
    lifecycle::EventKind,
    time::{Instant, Span},
};

/// How long a clock may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// Around the clock.
    Span {
        /// How long.
        ms: Span,
    },
    /// Around the clock, by where the loss happened (C09).
    ByZone {
        /// In town.
        urban_ms: Span,
        /// Elsewhere.
        other_ms: Span,
    },
    /// Working days; the first day does not count.
    WorkingDays {
        /// How many.
        days: u16,
    },
    /// Calendar days; the first day does not count, and an end on a day off moves on.
    CalendarDays {
        /// How many.
        days: u16,
    },
    /// Time while offices are open, which is every day (C29).
    OfficeHours {
        /// How long.
        ms: Span,
    },
    /// Until the office closes.
    OfficeDayEnd,
    /// The time that was agreed with the customer.
    Agreed,
    /// The end of the month.
    MonthEnd,
    /// Years to the day.
    Years {
        /// How many.
        years: u8,
    },
}

/// When offices are open, in minutes of the day in Asia/Shanghai.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeHours {
    /// From.
    pub open_minute: u16,
    /// To.
    pub close_minute: u16,
}

impl OfficeHours {
    /// Nine to five.
    pub const STANDARD: Self = Self { open_minute: 9 * 60, close_minute: 17 * 60 };

    pub(super) fn is_sane(&self) -> bool {
        self.open_minute < self.close_minute && self.close_minute <= 24 * 60
    }

    fn of(&self, day: Day) -> (Instant, Instant) {
        let at = |minute: u16| day.start() + Span::minutes(i64::from(minute));
        (at(self.open_minute), at(self.close_minute))
    }
}

/// When somebody is to be warned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Warn {
    /// When at most this share of the limit is left. Not part of any standard.
    Percent {
        /// In percent.
        percent: u8,
    },
    /// At the end of these days after the start.
    AfterDays {
        /// Days after the start, rising.
        days: Vec<u16>,
    },
}

/// When a clock starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartsAt {
    /// With the first of its events.
    #[default]
    First,
    /// When all of its events have happened.
    Last,
}

/// One promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRule {
    /// What is timed.
    pub clock: ClockName,
    /// What starts it.
    pub starts: Vec<EventKind>,
    /// Whether the first of them is enough.
    #[serde(default)]
    pub starts_at: StartsAt,
    /// Without these in the log there is no such promise.
    #[serde(default)]
    pub requires: Vec<EventKind>,
    /// What keeps the promise.
    pub stops: Vec<EventKind>,
    /// What makes the promise void before it is kept or broken.
    #[serde(default)]
    pub voided_by: Vec<EventKind>,
    /// Agreements with the customer that become the limit.
    #[serde(default)]
    pub agreed_by: Vec<EventKind>,
    /// What explains a delay if it happens before the limit runs out (C10).
    #[serde(default)]
    pub explained_by: Vec<EventKind>,
    /// How long it may run.
    pub limit: Limit,
    /// From which day after the start the work may be done; at once if absent.
    #[serde(default)]
    pub opens_after_days: Option<u16>,
    /// When to warn.
    pub warn: Warn,
}

impl ClockRule {
    pub(super) fn is_sane(&self) -> bool {
        let warns = match &self.warn {
            Warn::Percent { percent } => *percent <= 100,
            Warn::AfterDays { days } => days.len() <= 16 && days.is_sorted(),
        };
        // The starts alone keep the fold from meeting a clock without beginning.
        warns && self.limit.is_sane() && !self.starts.is_empty() && !self.stops.is_empty()
    }

    /// Every event that it names.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &EventKind> {
        let Self { starts, requires, stops, voided_by, agreed_by, explained_by, .. } = self;
        [starts, requires, stops, voided_by, agreed_by, explained_by].into_iter().flatten()
    }

    /// The instants at which somebody is to be warned, in order; none after the limit.
    #[must_use]
    pub fn warns_at(&self, started_at: Instant, limit_at: Instant) -> Vec<Instant> {
        match &self.warn {
            Warn::Percent { percent } => {
                let whole = i128::from(limit_at.since(started_at).0.max(0));
                let left = whole * i128::from(*percent) / 100;
                vec![limit_at - Span(i64::try_from(left).unwrap_or(0))]
            }
            Warn::AfterDays { days } => {
                let day = Day::of(started_at);
                let at = |days: &u16| day.plus(i32::from(*days)).start();
                days.iter().map(at).filter(|at| *at <= limit_at).collect()
            }
        }
    }
}

/// A span in which a clock stood still.
pub(crate) type Pause = (Instant, Instant);

impl Limit {
    /// Limits beyond this are typing errors.
    const LONGEST: Span = Span::days(4_000);
    const MOST_DAYS: u16 = 4_000;

    /// Whether somebody can mean it.
    #[must_use]
    pub fn is_sane(self) -> bool {
        let sane = |ms: Span| Span::ZERO < ms && ms <= Self::LONGEST;
        match self {
            Self::Span { ms } | Self::OfficeHours { ms } => sane(ms),
            Self::ByZone { urban_ms, other_ms } => sane(urban_ms) && sane(other_ms),
            Self::WorkingDays { days } | Self::CalendarDays { days } => {
                (1..=Self::MOST_DAYS).contains(&days)
            }
            Self::OfficeDayEnd | Self::Agreed | Self::MonthEnd => true,
            Self::Years { years } => years > 0,
        }
    }

    /// The span, for limits that run around the clock; zero for others.
    #[must_use]
    pub fn span(self, zone: ZoneClass) -> Span {
        match (self, zone) {
            (Self::Span { ms }, _) => ms,
            (Self::ByZone { urban_ms, .. }, ZoneClass::Urban) => urban_ms,
            (Self::ByZone { other_ms, .. }, ZoneClass::Other) => other_ms,
            _ => Span::ZERO,
        }
    }

    /// The last instant that keeps the promise of a clock that started then, and whether it rests on a
    /// year whose notice is not known. `pauses` are in order and do not overlap.
    pub(crate) fn ends_at(
        self,
        started_at: Instant,
        terms: &Terms<'_>,
        pauses: &[Pause],
    ) -> (Instant, bool) {
        let day = Day::of(started_at);
        let skip = |day: Day| pauses.iter().any(|(from, to)| *from <= day.end() && day.end() < *to);
        let counted = |counted: Counted| (counted.day.end(), counted.provisional);
        match self {
            Self::Span { .. } | Self::ByZone { .. } => (
                pauses.iter().fold(started_at + self.span(terms.zone), lengthen(started_at)),
                false,
            ),
            Self::WorkingDays { days } => {
                counted(terms.calendar.working_days_after(day, days, skip))
            }
            Self::CalendarDays { days } => {
                counted(terms.calendar.calendar_days_after(day, days, skip))
            }
            Self::OfficeHours { ms } => {
                let ms = pauses.iter().fold(ms, |ms, (from, to)| {
                    ms + to.since((*from).max(started_at)).max(Span::ZERO)
                });
                (after_office_time(started_at, ms, terms.office), false)
            }
            Self::OfficeDayEnd => (office_end(started_at, terms.office), false),
            Self::Agreed => (started_at, false),
            Self::MonthEnd => (day.month_end().end(), false),
            Self::Years { years } => (day.plus_years(years).end(), false),
        }
    }
}

/// What limits are counted by.
pub(crate) struct Terms<'a> {
    pub(crate) zone: ZoneClass,
    pub(crate) calendar: &'a WorkCalendar,
    pub(crate) office: OfficeHours,
}

fn lengthen(started_at: Instant) -> impl Fn(Instant, &Pause) -> Instant {
    move |limit, (from, to)| limit + to.since((*from).max(started_at)).max(Span::ZERO)
}

fn office_end(at: Instant, office: OfficeHours) -> Instant {
    let day = Day::of(at);
    let close = office.of(day).1;
    if at <= close { close } else { office.of(day.plus(1)).1 }
}

fn after_office_time(from: Instant, span: Span, office: OfficeHours) -> Instant {
    let (mut day, mut left) = (Day::of(from), span);
    // A sane limit is used up long before.
    for _ in 0..20_000 {
        let (open, close) = office.of(day);
        let begin = open.max(from);
        let here = close.since(begin).max(Span::ZERO);
        if left <= here {
            return begin + left;
        }
        left = Span(left.0 - here.0);
        day = day.plus(1);
    }
    office.of(day).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn office_time_runs_only_while_offices_are_open() {
        let day = |text: &str| text.parse::<Day>().unwrap().start();
        let at = |hour: i64| day("2026-03-06") + Span::hours(hour);
        let hours = |from, n| after_office_time(at(from), Span::hours(n), OfficeHours::STANDARD);
        assert_eq!(hours(10, 3), at(13));
        assert_eq!(hours(16, 8), at(24 + 16));
        assert_eq!(hours(20, 1), at(24 + 10));
        assert_eq!(hours(3, 8), at(17));
        let end = |hour| office_end(at(hour), OfficeHours::STANDARD);
        assert_eq!((end(8), end(17), end(18)), (at(17), at(17), at(24 + 17)));
    }
}
