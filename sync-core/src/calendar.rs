//! Days in China: which of them are worked, and where a limit counted in days ends (A5.1-A5.3).
//!
//! A day is a day in Asia/Shanghai, which has had no summer time since 1991. Counting follows the
//! Civil Code: the first day is skipped (201), and a limit in calendar days that ends on a day off
//! ends on the next working day instead (203). Which days are off and which weekends are worked is
//! known only for the years of which the State Council's notice was read; any other year is counted
//! with plain weekends and the result says that it is provisional.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    sync::LazyLock,
};

use serde::{Deserialize, Serialize};

use crate::time::{Instant, Span};

/// Asia/Shanghai is this far ahead of UTC.
const AHEAD: Span = Span::hours(8);
const DAY: i64 = 86_400_000;

/// A day in Asia/Shanghai, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(i32);

/// The text is no day such as 2026-02-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day such as 2026-02-12")]
pub struct BadDay;

impl Day {
    /// The day that an instant falls on.
    #[must_use]
    pub fn of(at: Instant) -> Self {
        /// Farther away lie typing errors and broken clocks.
        const FARTHEST: i64 = 1_000_000;
        let days = (at + AHEAD).0.div_euclid(DAY).clamp(-FARTHEST, FARTHEST);
        Self(i32::try_from(days).unwrap_or_default())
    }

    /// A day by year, month (1-12) and day of the month.
    #[must_use]
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        // Days from civil, for the years that limits are about.
        if !(1970..=2199).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let days = days_before(year, month) + i32::from(day) - 1;
        let found = Self(days);
        (found.civil() == (year, month, day)).then_some(found)
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Instant {
        Instant(i64::from(self.0).saturating_mul(DAY)) - AHEAD
    }

    /// Its last millisecond: a limit in days includes it.
    #[must_use]
    pub fn end(self) -> Instant {
        self.start() + Span(DAY - 1)
    }

    /// So many days later.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.civil().0
    }

    /// Whether it is a Saturday or Sunday.
    #[must_use]
    pub fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday.
        matches!(self.0.wrapping_add(3).rem_euclid(7), 5 | 6)
    }

    /// Year, month and day of the month.
    #[must_use]
    pub fn civil(self) -> (i32, u8, u8) {
        // Era arithmetic on years that begin in March, so that the leap day is the last one.
        let days = i64::from(self.0) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era =
            (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096).div_euclid(365);
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let small = |n: i64| u8::try_from(n).unwrap_or(1);
        (i32::try_from(year).unwrap_or(i32::MAX), small(month), small(day))
    }

    /// The last day of its month.
    #[must_use]
    pub fn month_end(self) -> Self {
        let (year, month, day) = self.civil();
        let next =
            if month == 12 { days_before(year + 1, 1) } else { days_before(year, month + 1) };
        let first = self.0 - i32::from(day) + 1;
        Self(next.max(first) - 1)
    }

    /// The same day so many years later; 29 February becomes 28 February.
    #[must_use]
    pub fn plus_years(self, years: u8) -> Self {
        let (year, month, day) = self.civil();
        let year = year + i32::from(years);
        Self::new(year, month, day).or_else(|| Self::new(year, month, 28)).unwrap_or(self)
    }
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: i32, month: u8) -> i32 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * i32::from(month) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = BadDay;
    fn from_str(text: &str) -> Result<Self, BadDay> {
        if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(BadDay);
        }
        let mut parts = text.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadDay);
        };
        let day = Self::new(
            year.parse().map_err(|_| BadDay)?,
            month.parse().map_err(|_| BadDay)?,
            day.parse().map_err(|_| BadDay)?,
        );
        day.filter(|day| day.to_string() == text).ok_or(BadDay)
    }
}

impl TryFrom<String> for Day {
    type Error = BadDay;
    fn try_from(text: String) -> Result<Self, BadDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

/// What the yearly notice says of one year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearNotice {
    /// The year.
    pub year: i32,
    /// Days off that the notice names; ordinary weekends need not be listed.
    pub days_off: BTreeSet<Day>,
    /// Weekend days that are worked to make up for them.
    pub make_up_working_days: BTreeSet<Day>,
}

/// Why a notice cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeFault {
    /// The year is not one that limits are about.
    #[error("a year from 2000 to 2099")]
    Year,
    /// A day belongs to another year.
    #[error("{0} is not in the year of the notice")]
    OtherYear(Day),
    /// A day is both off and worked.
    #[error("{0} is both a day off and a working day")]
    Both(Day),
    /// Only weekends are worked to make up for something.
    #[error("{0} is no weekend, so it is worked anyway")]
    NoWeekend(Day),
    /// A notice has the statutory holidays at least.
    #[error("a notice names at least 7 days off")]
    TooFew,
}

impl YearNotice {
    /// Checks the notice against itself.
    ///
    /// # Errors
    /// The first [`NoticeFault`] found.
    pub fn check(&self) -> Result<(), NoticeFault> {
        if !(2000..=2099).contains(&self.year) {
            return Err(NoticeFault::Year);
        }
        let mut all = self.days_off.iter().chain(&self.make_up_working_days);
        if let Some(day) = all.find(|day| day.year() != self.year) {
            return Err(NoticeFault::OtherYear(*day));
        }
        if let Some(day) = self.days_off.intersection(&self.make_up_working_days).next() {
            return Err(NoticeFault::Both(*day));
        }
        if let Some(day) = self.make_up_working_days.iter().find(|day| !day.is_weekend()) {
            return Err(NoticeFault::NoWeekend(*day));
        }
        if self.days_off.len() < 7 { Err(NoticeFault::TooFew) } else { Ok(()) }
    }
}

/// Where a count of days ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The last day of the limit.
    pub day: Day,
    /// Whether a year was passed through whose notice is not known.
    pub provisional: bool,
}

/// Which days are worked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkCalendar(BTreeMap<i32, YearNotice>);

#[derive(Deserialize)]
struct Shipped {
    years: Vec<i32>,
    days_off: Vec<Day>,
    make_up_working_days: Vec<Day>,
}

impl WorkCalendar {
    /// The years that ship with the product.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static SHIPPED: LazyLock<WorkCalendar> = LazyLock::new(|| {
            // A file of ours that a test reads; without it every limit would say "provisional".
            let text = include_str!("../data/cn-workdays.json");
            serde_json::from_str::<Shipped>(text).map(WorkCalendar::of_shipped).unwrap_or_default()
        });
        &SHIPPED
    }

    fn of_shipped(shipped: Shipped) -> Self {
        let of_year = |days: &[Day], year: i32| {
            days.iter().copied().filter(|day| day.year() == year).collect()
        };
        let notice = |year: &i32| {
            let notice = YearNotice {
                year: *year,
                days_off: of_year(&shipped.days_off, *year),
                make_up_working_days: of_year(&shipped.make_up_working_days, *year),
            };
            (*year, notice)
        };
        Self(shipped.years.iter().map(notice).collect())
    }

    /// The same with the notice of one more year, or with a corrected one.
    #[must_use]
    pub fn with(mut self, notice: YearNotice) -> Self {
        self.0.insert(notice.year, notice);
        self
    }

    /// The years whose notice is known.
    pub fn years(&self) -> impl Iterator<Item = i32> + '_ {
        self.0.keys().copied()
    }

    /// What is known of one year.
    #[must_use]
    pub fn year(&self, year: i32) -> Option<&YearNotice> {
        self.0.get(&year)
    }

    /// Whether the day is worked; a year without a notice has plain weekends.
    #[must_use]
    pub fn is_worked(&self, day: Day) -> bool {
        match self.0.get(&day.year()) {
            Some(notice) if notice.days_off.contains(&day) => false,
            Some(notice) if notice.make_up_working_days.contains(&day) => true,
            _ => !day.is_weekend(),
        }
    }

    /// The day on which so many working days after `from` have passed; `from` does not count. Days
    /// for which `skip` holds do not count either.
    #[must_use]
    pub fn working_days_after(&self, from: Day, days: u16, skip: impl Fn(Day) -> bool) -> Counted {
        self.count(from, days, |day| self.is_worked(day) && !skip(day))
    }

    /// The day on which so many calendar days after `from` have passed, moved on to a working day.
    #[must_use]
    pub fn calendar_days_after(&self, from: Day, days: u16, skip: impl Fn(Day) -> bool) -> Counted {
        let mut counted = self.count(from, days, |day| !skip(day));
        // Only where the limit ends is looked up, so only that year can make it provisional.
        counted.provisional = !self.0.contains_key(&counted.day.year());
        for _ in 0..MOST_DAYS {
            if self.is_worked(counted.day) {
                break;
            }
            counted.day = counted.day.plus(1);
            counted.provisional |= !self.0.contains_key(&counted.day.year());
        }
        counted
    }

    fn count(&self, from: Day, days: u16, counts: impl Fn(Day) -> bool) -> Counted {
        let (mut day, mut left, mut provisional) = (from, days, false);
        for _ in 0..MOST_DAYS {
            if left == 0 {
                break;
            }
            day = day.plus(1);
            provisional |= !self.0.contains_key(&day.year());
            left -= u16::from(counts(day));
        }
        Counted { day, provisional }
    }
}

/// No limit is longer than this many days, pauses included: counting ends for any input.
const MOST_DAYS: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_days_in_shanghai() {
        for (at, expected) in [
            (0, "1970-01-01"),
            (1_772_415_000_000, "2026-03-02"),
            // 2026-02-28T15:59:59.999Z and the millisecond after it.
            (1_772_294_399_999, "2026-02-28"),
            (1_772_294_400_000, "2026-03-01"),
            (-1, "1970-01-01"),
            (-28_800_001, "1969-12-31"),
        ] {
            let found = Day::of(Instant(at));
            assert_eq!(found.to_string(), expected, "{at}");
            assert!(found.start() <= Instant(at) && Instant(at) <= found.end());
        }
        for wrong in
            ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-01", "20260101", "+026-01-01"]
        {
            assert_eq!(wrong.parse::<Day>(), Err(BadDay), "{wrong}");
        }
        let mut expected = day("1999-12-31");
        for _ in 0..40_000 {
            let (year, month, date) = expected.civil();
            assert_eq!(Day::new(year, month, date), Some(expected));
            expected = expected.plus(1);
        }
        assert_eq!(day("2024-02-29").plus_years(5), day("2029-02-28"));
        for (of, last) in [
            ("2026-02-01", "2026-02-28"),
            ("2024-02-10", "2024-02-29"),
            ("2026-12-31", "2026-12-31"),
        ] {
            assert_eq!(day(of).month_end(), day(last));
        }
        // Absurd instants come from absurd devices and must not panic.
        let _ = (Day::of(Instant(i64::MAX)).end(), Day::of(Instant(i64::MIN)).month_end());
        let _ = Day::of(Instant(i64::MAX)).plus_years(9).to_string();
    }

    /// A5.2.
    #[test]
    fn working_days_are_counted_as_the_check_values_say() {
        let calendar = WorkCalendar::built_in();
        for (received, days, expected) in [
            ("2025-09-26", 2, "2025-09-29"),
            ("2025-09-26", 3, "2025-09-30"),
            ("2025-09-26", 10, "2025-10-16"),
            ("2026-02-12", 3, "2026-02-24"),
            ("2026-02-12", 10, "2026-03-04"),
            ("2026-09-30", 2, "2026-10-09"),
        ] {
            let counted = calendar.working_days_after(day(received), days, |_| false);
            let expected = Counted { day: day(expected), provisional: false };
            assert_eq!(counted, expected, "{days} working days after {received}");
        }
        assert!(calendar.is_worked(day("2025-09-28")) && calendar.is_worked(day("2025-10-11")));
        assert!((1..=8).all(|n| !calendar.is_worked(Day::new(2025, 10, n).unwrap())));
    }

    #[test]
    fn calendar_days_end_on_a_working_day() {
        let calendar = WorkCalendar::built_in();
        for (decided, days, expected) in [
            ("2026-03-03", 3, "2026-03-06"),
            // Saturday moves to Monday, the holiday to the day after it, the worked Sunday stays.
            ("2026-03-04", 3, "2026-03-09"),
            ("2026-09-28", 3, "2026-10-08"),
            ("2025-09-25", 3, "2025-09-28"),
        ] {
            let counted = calendar.calendar_days_after(day(decided), days, |_| false);
            assert_eq!(counted.day, day(expected), "{days} days after {decided}");
        }
        let paused = |d: Day| d <= day("2026-03-05");
        assert_eq!(
            calendar.calendar_days_after(day("2026-03-03"), 3, paused).day,
            day("2026-03-09")
        );
    }

    #[test]
    fn a_year_without_notice_is_provisional_until_it_is_imported() {
        let calendar = WorkCalendar::built_in().clone();
        let before = calendar.working_days_after(day("2026-12-30"), 3, |_| false);
        assert_eq!(before, Counted { day: day("2027-01-04"), provisional: true });
        let year_end = calendar.working_days_after(day("2026-12-30"), 1, |_| false);
        assert_eq!(year_end, Counted { day: day("2026-12-31"), provisional: false });
        let mut notice = YearNotice { year: 2027, ..YearNotice::default() };
        notice.days_off = (1..=7).map(|n| Day::new(2027, 1, n).unwrap()).collect();
        let after = calendar.with(notice).working_days_after(day("2026-12-30"), 3, |_| false);
        assert_eq!(after, Counted { day: day("2027-01-11"), provisional: false });
    }

    #[test]
    fn faulty_notices_are_refused_and_the_shipped_ones_are_not() {
        let calendar = WorkCalendar::built_in();
        assert_eq!(calendar.years().collect::<Vec<_>>(), [2023, 2024, 2025, 2026]);
        for year in calendar.years() {
            assert_eq!(calendar.year(year).unwrap().check(), Ok(()), "{year}");
        }
        let good = calendar.year(2026).unwrap();
        let with = |change: &dyn Fn(&mut YearNotice)| {
            let mut notice = good.clone();
            change(&mut notice);
            notice.check()
        };
        let monday = day("2026-03-02");
        assert_eq!(with(&|n| n.year = 1999), Err(NoticeFault::Year));
        assert_eq!(with(&|n| n.year = 2025), Err(NoticeFault::OtherYear(day("2026-01-01"))));
        assert_eq!(
            with(&|n| n.days_off.extend([day("2026-01-04")])),
            Err(NoticeFault::Both(day("2026-01-04")))
        );
        assert_eq!(
            with(&|n| n.make_up_working_days.extend([monday])),
            Err(NoticeFault::NoWeekend(monday))
        );
        assert_eq!(with(&|n| n.days_off.clear()), Err(NoticeFault::TooFew));
    }
}
