//! The rules of the gate as stable codes.

use std::fmt;

/// Which answer a rejection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 409: the sequence number is taken by another change; the device needs a new actor.
    ActorReused,
    /// 409: changes before this one are missing.
    SeqGap {
        /// The sequence number that is expected next.
        expected: u64,
    },
    /// 409: the change builds on changes that the server does not hold.
    UnknownDeps,
    /// 413: a limit is exceeded.
    TooLarge,
    /// 422: not a change that an honest device makes; goes to quarantine.
    Malformed,
    /// 422: well-formed, but this person may not write this; goes to quarantine.
    Forbidden,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal $class:ident;)*) => {
        /// The rule that a push broke.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule {$(
            $(#[doc = $doc])*
            $name,
        )*}

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            const fn class(self, expected: u64) -> Class {
                match self { $(Self::$name => rules!(@class $class expected),)* }
            }
        }
    };
    (@class SeqGap $expected:ident) => { Class::SeqGap { expected: $expected } };
    (@class $class:ident $expected:ident) => { Class::$class };
}

rules! {
    /// More changes than a push may hold.
    PushTooManyChanges = "push_too_many_changes" TooLarge;
    /// More bytes than a push may hold.
    PushTooLarge = "push_too_large" TooLarge;
    /// More bytes after inflating than a push may hold.
    InflatedTooLarge = "inflated_too_large" TooLarge;
    /// More operations than a push may hold.
    PushTooManyOps = "push_too_many_ops" TooLarge;
    /// The draft would hold more operations than a case may.
    DraftFull = "draft_full" TooLarge;
    /// The section would hold more items than it may.
    SectionFull = "section_full" TooLarge;
    /// The text would be longer than it may be.
    TextTooLong = "text_too_long" TooLarge;

    /// Not a chunk of the library's format.
    ChunkFraming = "chunk_framing" Malformed;
    /// A chunk that is not a change.
    ChunkType = "chunk_type" Malformed;
    /// The checksum does not match.
    Checksum = "checksum" Malformed;
    /// The deflated data is damaged or followed by other bytes.
    Deflate = "deflate" Malformed;
    /// The bytes end early, or a number is not well-formed.
    Truncated = "truncated" Malformed;
    /// More dependencies, actors, columns, rows or text than a change may hold.
    ChangeTooLarge = "change_too_large" Malformed;
    /// An actor id has not 16 bytes.
    ActorLength = "actor_length" Malformed;
    /// A column is unknown, deflated, out of order, or does not belong into this schema.
    Column = "column" Malformed;
    /// Columns disagree about the number of operations, or a number in one is out of range.
    ColumnRows = "column_rows" Malformed;
    /// Bytes follow the last column.
    ExtraBytes = "extra_bytes" Malformed;
    /// The library cannot decode the change.
    NotDecodable = "not_decodable" Malformed;
    /// Encoding the decoded change again gives other bytes.
    NotCanonical = "not_canonical" Malformed;
    /// The library panicked.
    LibraryPanic = "library_panic" Malformed;

    /// The change is by an actor that was not issued to this device.
    ForeignActor = "foreign_actor" Forbidden;
    /// The sequence number is taken by another change.
    ActorReused = "actor_reused" ActorReused;
    /// Changes before this one are missing.
    SeqGap = "seq_gap" SeqGap;
    /// The change builds on changes that are not here.
    UnknownDeps = "unknown_deps" UnknownDeps;
    /// A dependency is named twice.
    DoubledDep = "doubled_dep" Malformed;
    /// The change does not build on the actor's previous one.
    BrokenChain = "broken_chain" Malformed;
    /// The first operation counter is not the next one.
    StartOp = "start_op" Malformed;
    /// The stamp is before 1970 or too far ahead.
    Stamp = "stamp" Malformed;
    /// The change does nothing.
    EmptyChange = "empty_change" Malformed;

    /// The object does not exist, or not yet at this point of history.
    UnknownObject = "unknown_object" Malformed;
    /// A position in a map, or a key in a text.
    KeyKind = "key_kind" Malformed;
    /// The place is not in the schema.
    UnknownPath = "unknown_path" Forbidden;
    /// The operation is none that this place allows, such as a delete, a counter or a mark.
    OpKind = "op_kind" Malformed;
    /// The operation does not overwrite exactly what stood there.
    Pred = "pred" Malformed;
    /// The text element does not exist at this point of history.
    TextElement = "text_element" Malformed;
    /// The item, text or map is already there.
    ItemExists = "item_exists" Malformed;
    /// The key of a new item is not a UUID.
    ItemKey = "item_key" Malformed;
    /// An item was created without a field that it must have.
    MissingField = "missing_field" Malformed;
    /// The value has the wrong type.
    WrongType = "wrong_type" Malformed;
    /// The value is out of range or too long.
    OutOfRange = "out_of_range" Malformed;
    /// The value is not one of those allowed.
    NotAllowed = "not_allowed" Malformed;
    /// The text holds control characters.
    ControlCharacter = "control_character" Malformed;
    /// The value names somebody else as the writer.
    NotOwn = "not_own" Forbidden;
    /// The role may not write here.
    Role = "role" Forbidden;
    /// The field can no longer be written.
    Moment = "moment" Forbidden;
    /// Only whoever made the item may write to it.
    NotOwner = "not_owner" Forbidden;

    /// The library refused to apply the changes.
    NotApplicable = "not_applicable" Malformed;
    /// The document cannot be loaded after saving.
    Unloadable = "unloadable" Malformed;
    /// The document is another one after saving and loading.
    Diverged = "diverged" Malformed;
    /// The document can no longer be read as a draft.
    Unreadable = "unreadable" Malformed;
}

/// Why a push was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The rule.
    pub rule: Rule,
    /// Which answer it leads to.
    pub class: Class,
    /// The change's place in the push, from 0, if one change is to blame.
    pub change_index: Option<usize>,
    /// The place in the draft, if one is to blame.
    pub path: Option<String>,
    /// More, for people who look into it.
    pub detail: String,
}

impl Rejection {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, class: rule.class(0), change_index: None, path: None, detail: String::new() }
    }

    pub(super) fn seq_gap(expected: u64) -> Self {
        Self { class: Rule::SeqGap.class(expected), ..Self::new(Rule::SeqGap) }
    }

    pub(super) fn at(self, path: impl fmt::Display) -> Self {
        Self { path: Some(path.to_string()), ..self }
    }

    pub(super) fn because(self, detail: impl fmt::Display) -> Self {
        Self { detail: detail.to_string(), ..self }
    }

    pub(super) fn in_change(self, index: usize) -> Self {
        Self { change_index: Some(index), ..self }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.code())?;
        if let Some(index) = self.change_index {
            write!(f, " in change {index}")?;
        }
        if let Some(path) = &self.path {
            write!(f, " at {path}")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejection {}
