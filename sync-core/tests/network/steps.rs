//! What can happen in a schedule.

use super::*;

/// One thing that happens. Phones and choices are taken modulo what there is.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Edit {
        phone: u8,
        edit: Edit,
    },
    /// The phone sends; the request stays under way.
    Send {
        phone: u8,
    },
    /// A request under way reaches the server; the answer is under way then.
    Arrive {
        pick: u8,
        keep: bool,
    },
    /// An answer under way reaches its phone.
    Answer {
        pick: u8,
        keep: bool,
    },
    LoseRequest {
        pick: u8,
    },
    LoseAnswer {
        pick: u8,
    },
    /// The phone is switched off and on: it goes on from what it stored.
    Restart {
        phone: u8,
    },
    /// A backup of the phone is made.
    BackUp {
        phone: u8,
    },
    /// The phone goes back to its last backup and does not know it.
    Restore {
        phone: u8,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Edit {
    Scene(u8, u8),
    Rate(i64),
    AddLine,
    Price(u8, i64),
    Remove(u8),
    Restore(u8),
    Describe(u8, String),
    Note(String),
    RewriteNote(String),
    Tick(bool),
    Photo,
    Settle(u8, u8),
}

pub(super) fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        1 => (0..3_u8, 0..4_u8).prop_map(|(field, value)| Edit::Scene(field, value)),
        1 => (0..3_i64).prop_map(Edit::Rate),
        3 => Just(Edit::AddLine),
        3 => (any::<u8>(), 0..3_i64).prop_map(|(line, price)| Edit::Price(line, price)),
        1 => any::<u8>().prop_map(Edit::Remove),
        1 => any::<u8>().prop_map(Edit::Restore),
        2 => (any::<u8>(), "[a-c保 ]{0,6}").prop_map(|(at, text)| Edit::Describe(at, text)),
        1 => "[a-c\n🚗]{0,5}".prop_map(Edit::Note),
        1 => "[a-c]{0,5}".prop_map(Edit::RewriteNote),
        1 => any::<bool>().prop_map(Edit::Tick),
        1 => Just(Edit::Photo),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(conflict, value)| Edit::Settle(conflict, value)),
    ]
}

/// Steps with backups that are restored behind everybody's back.
pub(super) fn rough_steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => steps(),
        1 => any::<u8>().prop_map(|phone| Step::BackUp { phone }),
        1 => any::<u8>().prop_map(|phone| Step::Restore { phone }),
    ]
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<u8>(), edits()).prop_map(|(phone, edit)| Step::Edit { phone, edit }),
        3 => any::<u8>().prop_map(|phone| Step::Send { phone }),
        3 => (any::<u8>(), prop::bool::weighted(0.2))
            .prop_map(|(pick, keep)| Step::Arrive { pick, keep }),
        3 => (any::<u8>(), prop::bool::weighted(0.2))
            .prop_map(|(pick, keep)| Step::Answer { pick, keep }),
        1 => any::<u8>().prop_map(|pick| Step::LoseRequest { pick }),
        1 => any::<u8>().prop_map(|pick| Step::LoseAnswer { pick }),
        1 => any::<u8>().prop_map(|phone| Step::Restart { phone }),
    ]
}

/// An answer under way: to which phone, for which of its actors, and what it says.
pub(super) type Answer = (usize, ActorId, Result<SyncReply, SyncRefusal>);
