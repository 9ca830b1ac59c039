//! Solving a wave of cases at once: the least lateness together, not case by case.

use pathfinding::{kuhn_munkres::kuhn_munkres_min, matrix::Matrix};
use sync_core::time::Span;

/// An expected arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// From now until they are there.
    pub arrives_after: Span,
    /// Over the limit; zero in time.
    pub late_by: Span,
}

/// Late seconds weigh so much more than seconds on the way, which only decide between equals.
const LATENESS: i64 = 100;
/// A case without a surveyor costs more than any lateness that still makes sense.
const NOBODY: i64 = 100_000_000;
/// A surveyor who must not go costs more than nobody.
const NEVER: i64 = 1_000_000_000_000;

impl Choice {
    fn weight(self) -> i64 {
        let seconds = |span: Span| (span.0.max(0) / 1_000).min(86_400);
        seconds(self.late_by) * LATENESS + seconds(self.arrives_after)
    }
}

/// Which surveyor for each case, by row; none where nobody is left. `choices` has a row for each case
/// and in it a value for each surveyor. Each surveyor gets one case at most.
#[must_use]
pub fn assign(choices: &[Vec<Option<Choice>>]) -> Vec<Option<usize>> {
    let surveyors = choices.iter().map(Vec::len).max().unwrap_or(0);
    if surveyors == 0 {
        return vec![None; choices.len()];
    }
    // As many places for "nobody" as there are cases, so that there is always a solution.
    let row = |row: &Vec<Option<Choice>>| {
        let weight = |n: usize| row.get(n).copied().flatten().map_or(NEVER, Choice::weight);
        (0..surveyors).map(weight).chain((0..choices.len()).map(|_| NOBODY)).collect::<Vec<i64>>()
    };
    let Ok(matrix) = Matrix::from_rows(choices.iter().map(row)) else {
        return vec![None; choices.len()];
    };
    let (_, columns) = kuhn_munkres_min(&matrix);
    let real = |(row, column): (&Vec<Option<Choice>>, usize)| {
        row.get(column).copied().flatten().map(|_| column)
    };
    choices.iter().zip(columns).map(real).collect()
}

/// What people do by hand: each case in turn takes the best surveyor that is left.
#[must_use]
pub fn assign_in_turn(choices: &[Vec<Option<Choice>>]) -> Vec<Option<usize>> {
    let mut taken = std::collections::HashSet::new();
    let mut best = |row: &Vec<Option<Choice>>| {
        let free = row.iter().enumerate().filter(|(n, _)| !taken.contains(n));
        let found = free.filter_map(|(n, choice)| Some((choice.as_ref()?.weight(), n))).min();
        found.map(|(_, n)| {
            taken.insert(n);
            n
        })
    };
    choices.iter().map(&mut best).collect()
}

/// Lateness of a solution together, and how many cases nobody goes to.
#[must_use]
pub fn lateness(choices: &[Vec<Option<Choice>>], solution: &[Option<usize>]) -> (Span, usize) {
    let choice = |(row, column): (&Vec<Option<Choice>>, &Option<usize>)| {
        row.get((*column)?).copied().flatten()
    };
    let found: Vec<Option<Choice>> = choices.iter().zip(solution).map(choice).collect();
    let late = found.iter().flatten().fold(Span::ZERO, |sum, choice| sum + choice.late_by);
    (late, found.iter().filter(|choice| choice.is_none()).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(minutes: i64, limit: i64) -> Option<Choice> {
        let late_by = Span::minutes((minutes - limit).max(0));
        Some(Choice { arrives_after: Span::minutes(minutes), late_by })
    }

    #[test]
    fn the_whole_is_better_than_each_in_turn() {
        // The first case would take the only surveyor who reaches the second one in time.
        let choices =
            vec![vec![choice(10, 30), choice(12, 30)], vec![choice(20, 30), choice(50, 30)]];
        assert_eq!(assign_in_turn(&choices), [Some(0), Some(1)]);
        assert_eq!(assign(&choices), [Some(1), Some(0)]);
        assert_eq!(lateness(&choices, &assign(&choices)), (Span::ZERO, 0));
        assert_eq!(lateness(&choices, &[Some(0), Some(1)]), (Span::minutes(20), 0));
    }

    #[test]
    fn nobody_is_sent_who_must_not_and_nobody_twice() {
        let one = vec![vec![None, choice(5, 30)], vec![None, choice(6, 30)], vec![None, None]];
        assert_eq!(assign(&one), [Some(1), None, None]);
        assert_eq!(lateness(&one, &assign(&one)), (Span::ZERO, 2));
        assert_eq!(assign(&[]), Vec::<Option<usize>>::new());
        assert_eq!(assign(&[vec![], vec![]]), [None, None]);
        assert_eq!(assign(&[vec![None]]), [None]);
    }
}
