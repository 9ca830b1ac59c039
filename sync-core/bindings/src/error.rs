//! Why the phone did not do something.

use sync_core::{
    client::EngineFault,
    edit::EditRefusal,
    model::schema::{Denial, Misfit},
};

/// Why the phone did not do something. The name of the variant is stable, the message is for people.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
pub enum PhoneError {
    /// The phone cannot store. Nothing was done that is not stored.
    #[error("{0}")]
    Store(String),
    /// What is stored cannot be read.
    #[error("{0}")]
    Damaged(String),
    /// What is stored, or what the server sent, is no draft.
    #[error("{0}")]
    NotADraft(String),
    /// The draft of the case is not on this phone.
    #[error("the draft of this case is not on this phone")]
    NotHere,
    /// The id names another event.
    #[error("{0}")]
    IdTaken(String),
    /// The schema has no such place.
    #[error("{0}")]
    UnknownPath(String),
    /// There is no such item.
    #[error("{0}")]
    NoSuchItem(String),
    /// The item is already there.
    #[error("{0}")]
    ItemExists(String),
    /// The role may not write this.
    #[error("{0}")]
    NotByRole(String),
    /// It can no longer be written: evidence.
    #[error("{0}")]
    NoLonger(String),
    /// Only whoever made the item may write to it.
    #[error("{0}")]
    NotOwner(String),
    /// The value has another type.
    #[error("{0}")]
    WrongType(String),
    /// The value is too long, or out of range.
    #[error("{0}")]
    OutOfRange(String),
    /// The code, id or hash is none of those allowed.
    #[error("{0}")]
    NotAllowed(String),
    /// The text holds control characters.
    #[error("{0}")]
    ControlCharacter(String),
    /// The section is full.
    #[error("{0}")]
    Full(String),
    /// A field that an item cannot be without was not given.
    #[error("{0}")]
    Missing(String),
    /// The device's clock is not set.
    #[error("{0}")]
    Clock(String),
    /// This phone can write to the draft no more until it has heard of the server.
    #[error("{0}")]
    Actor(String),
    /// The document refused.
    #[error("{0}")]
    Document(String),
    /// An argument cannot be read: an id, a hash, or JSON.
    #[error("{0} cannot be read")]
    Argument(String),
    /// The receipt is not for this photo.
    #[error("the receipt is not for this photo: {0}")]
    WrongReceipt(String),
    /// The store called the phone while the phone was calling the store.
    #[error("the store may not call the phone")]
    Reentered,
    /// Something went wrong that should not: open the phone again from its store.
    #[error("the phone has to be opened again")]
    Broken,
}

impl From<EngineFault> for PhoneError {
    fn from(fault: EngineFault) -> Self {
        let said = fault.to_string();
        match fault {
            EngineFault::Store(_) => Self::Store(said),
            EngineFault::Open(_) => Self::NotADraft(said),
            EngineFault::Edit(refusal) => refusal.into(),
            EngineFault::IdTaken(_) => Self::IdTaken(said),
            EngineFault::NotHere => Self::NotHere,
            EngineFault::Damaged(_) => Self::Damaged(said),
        }
    }
}

impl From<EditRefusal> for PhoneError {
    fn from(refusal: EditRefusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            EditRefusal::UnknownPath(_) => Self::UnknownPath(said),
            EditRefusal::NoSuchItem(_) => Self::NoSuchItem(said),
            EditRefusal::ItemExists(_) => Self::ItemExists(said),
            EditRefusal::Denied { denial: Denial::Role, .. } => Self::NotByRole(said),
            EditRefusal::Denied { denial: Denial::Moment, .. } => Self::NoLonger(said),
            EditRefusal::Denied { denial: Denial::NotOwner, .. }
            | EditRefusal::Misfit { misfit: Misfit::NotOwn, .. } => Self::NotOwner(said),
            EditRefusal::Misfit { misfit: Misfit::WrongType, .. } => Self::WrongType(said),
            EditRefusal::Misfit { misfit: Misfit::OutOfRange, .. } => Self::OutOfRange(said),
            EditRefusal::Misfit { misfit: Misfit::NotAllowed, .. } => Self::NotAllowed(said),
            EditRefusal::Misfit { misfit: Misfit::ControlCharacter, .. } => {
                Self::ControlCharacter(said)
            }
            EditRefusal::Full(_) => Self::Full(said),
            EditRefusal::Missing(_) => Self::Missing(said),
            EditRefusal::Clock => Self::Clock(said),
            EditRefusal::Actor => Self::Actor(said),
            EditRefusal::Library(_) => Self::Document(said),
        }
    }
}

/// Reads an id and the like; `what` says what it is.
pub(crate) fn read<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, PhoneError> {
    text.parse().map_err(|_| PhoneError::Argument(format!("{what} {text:?}")))
}
