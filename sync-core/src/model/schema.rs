//! The draft's schema: one table of sections and fields that the gate, the editor, the typed read
//! and the conflict list all use. What is not in the table does not exist.

use std::fmt;

use uuid::Uuid;

use crate::limits;

/// A role under which somebody writes to a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Surveyor or assessor in the field.
    Surveyor,
    /// Loss or price verifier.
    Verifier,
    /// Dispatcher, manager, claims head.
    Office,
    /// Repair shop, for its own cases.
    Shop,
}

/// A set of [`Role`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everyone.
    pub const ALL: Self =
        Self::NONE.with(Role::Surveyor).with(Role::Verifier).with(Role::Office).with(Role::Shop);
    /// Everyone who works for the insurer.
    pub const STAFF: Self = Self::NONE.with(Role::Surveyor).with(Role::Verifier).with(Role::Office);

    /// The set with one more role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(
            self.0
                | match role {
                    Role::Surveyor => 1,
                    Role::Verifier => 2,
                    Role::Office => 4,
                    Role::Shop => 8,
                },
        )
    }

    /// Whether the two sets share a role.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What a field may hold. Every scalar may also be null, which means "not known".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of these codes.
    Code(&'static [&'static str]),
    /// Lower-case letters, digits, `_`, `-` and `.`, at most this many bytes.
    Slug(usize),
    /// A string of 1 to this many bytes without control characters except new line and tab.
    Str(usize),
    /// A UUID in lower-case hyphenated form.
    Id,
    /// The id of the person who writes.
    OwnId,
    /// A SHA-256 in 64 lower-case hexadecimal digits.
    Sha256,
    /// An integer from the first to the second number, both included.
    Int(i64, i64),
    /// True or false.
    Bool,
    /// Collaborative text of at most this many characters.
    Text(usize),
}

/// Why two concurrent values of a field do or do not need a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// The last writer may win.
    Plain,
    /// It changes an amount.
    Money,
    /// It changes who answers for the loss.
    Liability,
    /// It says which vehicle or person is meant.
    Identity,
}

impl Concern {
    /// Whether a person must settle concurrent values.
    #[must_use]
    pub const fn needs_person(self) -> bool {
        !matches!(self, Self::Plain)
    }
}

/// When a field may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// At any time.
    Anytime,
    /// Only in the change that creates the item, and never again: evidence.
    AtCreation,
    /// Like [`Writable::AtCreation`], and the item may not be created without it.
    Required,
    /// Only in the seed, by the server.
    InSeed,
}

/// When a write happens, seen from its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// In the change that creates the item.
    Creation,
    /// In any later change.
    Later,
}

/// Why a field may not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Not by this role.
    #[error("the role may not write this field")]
    Role,
    /// Not at this moment.
    #[error("the field can no longer be written")]
    Moment,
    /// Only whoever made the item may write to it.
    #[error("the item belongs to somebody else")]
    NotOwner,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The key in the document and in JSON.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Who may write it.
    pub writers: Roles,
    /// Whether concurrent values need a person.
    pub concern: Concern,
    /// When it may be written.
    pub writable: Writable,
}

impl Field {
    /// Whether somebody with these roles may write the field at this moment.
    ///
    /// # Errors
    /// The [`Denial`].
    pub fn permits(&self, roles: Roles, moment: Moment) -> Result<(), Denial> {
        let in_time = match self.writable {
            Writable::Anytime => true,
            Writable::AtCreation | Writable::Required => moment == Moment::Creation,
            // The text itself is made in the seed; its characters may be written at any time.
            Writable::InSeed => matches!(self.kind, Kind::Text(_)),
        };
        match (self.writers.overlaps(roles), in_time) {
            (false, _) => Err(Denial::Role),
            (true, false) => Err(Denial::Moment),
            (true, true) => Ok(()),
        }
    }
}

/// One of the maps below the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The accident and its place.
    Scene,
    /// Rates and discounts of the whole sheet.
    Rates,
    /// The vehicles involved.
    Vehicles,
    /// The lines of the loss sheet.
    Lines,
    /// The evidence photos.
    Photos,
    /// The standard procedure (C13).
    Checklist,
    /// Free remarks.
    Notes,
}

/// How a section is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The section's map holds the fields.
    Single,
    /// The section's map holds items by UUID, created by these roles, at most so many.
    Keyed {
        /// Who may create an item.
        creators: Roles,
        /// How many items a device may see after creating one.
        max: usize,
    },
    /// The section's map holds items by code, all created in the seed.
    Fixed,
}

impl Section {
    /// Every section, in document order.
    pub const ALL: [Self; 7] = [
        Self::Scene,
        Self::Rates,
        Self::Vehicles,
        Self::Lines,
        Self::Photos,
        Self::Checklist,
        Self::Notes,
    ];

    /// The key below the root.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Scene => "scene",
            Self::Rates => "rates",
            Self::Vehicles => "vehicles",
            Self::Lines => "lines",
            Self::Photos => "photos",
            Self::Checklist => "checklist",
            Self::Notes => "notes",
        }
    }

    /// The section with this key.
    #[must_use]
    pub fn by_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.key() == key)
    }

    /// How the section is built.
    #[must_use]
    pub const fn shape(self) -> Shape {
        let surveyor = Roles::NONE.with(Role::Surveyor);
        match self {
            Self::Scene | Self::Rates => Shape::Single,
            Self::Vehicles => {
                Shape::Keyed { creators: surveyor.with(Role::Office), max: limits::VEHICLES }
            }
            Self::Lines => {
                Shape::Keyed { creators: surveyor.with(Role::Verifier), max: limits::LINES }
            }
            Self::Photos => {
                Shape::Keyed { creators: surveyor.with(Role::Shop), max: limits::PHOTOS }
            }
            Self::Checklist => Shape::Fixed,
            Self::Notes => Shape::Keyed { creators: Roles::ALL, max: limits::NOTES },
        }
    }

    /// The rows of the table for this section.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Scene => super::SCENE,
            Self::Rates => super::RATES,
            Self::Vehicles => super::VEHICLES,
            Self::Lines => super::LINES,
            Self::Photos => super::PHOTOS,
            Self::Checklist => super::CHECKLIST,
            Self::Notes => super::NOTES,
        }
    }

    /// The field that names whoever made an item, if only they may write to it later.
    #[must_use]
    pub const fn owner_field(self) -> Option<&'static str> {
        match self {
            Self::Notes => Some("author"),
            _ => None,
        }
    }

    /// The row with this name.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }
}

/// A place in the draft, written `section`, `section/item`, `section/field` or `section/item/field`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The section.
    pub section: Section,
    /// The item, in keyed sections.
    pub item: Option<String>,
    /// The field's name, if a field is meant.
    pub field: Option<&'static str>,
}

impl Path {
    /// A field of a single section, such as the scene.
    #[must_use]
    pub fn single(section: Section, field: &'static str) -> Self {
        Self { section, item: None, field: Some(field) }
    }

    /// A field of an item.
    #[must_use]
    pub fn of_item(section: Section, item: impl Into<String>, field: &'static str) -> Self {
        Self { section, item: Some(item.into()), field: Some(field) }
    }

    /// The path that a text names, or nothing if the schema has no such place.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let section = Section::by_key(parts.next()?)?;
        let item = match section.shape() {
            Shape::Single => None,
            Shape::Keyed { .. } | Shape::Fixed => parts.next().map(str::to_owned),
        };
        let field = match parts.next() {
            Some(name) => Some(section.field(name)?.name),
            None => None,
        };
        parts.next().is_none().then_some(Self { section, item, field })
    }

    /// The row of the table, if a field is meant.
    #[must_use]
    pub fn row(&self) -> Option<&'static Field> {
        self.section.field(self.field?)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.section.key())?;
        for part in [self.item.as_deref(), self.field].into_iter().flatten() {
            write!(f, "/{part}")?;
        }
        Ok(())
    }
}

impl serde::Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Path {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a place in the draft"))
    }
}

/// A scalar as the schema knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// "Not known".
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string, code or id.
    Str(String),
}

macro_rules! scalars {
    ($($type:ty: $value:ident => $scalar:expr;)*) => {$(
        impl From<$type> for Scalar {
            fn from($value: $type) -> Self {
                $scalar
            }
        }
    )*};
}

scalars! {
    bool: yes => Self::Bool(yes);
    i64: n => Self::Int(n);
    String: text => if text.is_empty() { Self::Null } else { Self::Str(text) };
    &str: text => Self::from(text.to_owned());
    Uuid: id => Self::Str(id.to_string());
    crate::money::Fen: amount => Self::Int(amount.0);
    crate::time::Instant: at => Self::Int(at.0);
}

impl<T: Into<Self>> From<Option<T>> for Scalar {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Why a value does not fit its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The type is not the one of the table.
    #[error("the value has the wrong type")]
    WrongType,
    /// The string is longer, or the number larger, than the table allows.
    #[error("the value is out of range or too long")]
    OutOfRange,
    /// The code, id or hash is not well-formed or not in the list.
    #[error("the value is not one of those allowed")]
    NotAllowed,
    /// The text holds control characters.
    #[error("the text holds control characters")]
    ControlCharacter,
    /// The field names its writer and this is somebody else.
    #[error("the value names somebody else")]
    NotOwn,
}

/// Whether `value`, written by `person`, fits a field of this kind.
///
/// # Errors
/// The [`Misfit`].
pub fn fits(kind: Kind, value: &Scalar, person: Uuid) -> Result<(), Misfit> {
    match (kind, value) {
        (Kind::Text(_), _) => Err(Misfit::WrongType),
        (_, Scalar::Null) | (Kind::Bool, Scalar::Bool(_)) => Ok(()),
        (Kind::Int(min, max), Scalar::Int(n)) => {
            if (min..=max).contains(n) {
                Ok(())
            } else {
                Err(Misfit::OutOfRange)
            }
        }
        (kind, Scalar::Str(text)) => fits_str(kind, text, person),
        _ => Err(Misfit::WrongType),
    }
}

fn fits_str(kind: Kind, text: &str, person: Uuid) -> Result<(), Misfit> {
    let allowed = |yes: bool| if yes { Ok(()) } else { Err(Misfit::NotAllowed) };
    match kind {
        Kind::Code(codes) => allowed(codes.contains(&text)),
        Kind::Slug(max) if text.len() > max => Err(Misfit::OutOfRange),
        Kind::Slug(_) => allowed(is_slug(text)),
        Kind::Str(max) if text.is_empty() || text.len() > max => Err(Misfit::OutOfRange),
        Kind::Str(_) if !text.chars().all(is_printable) => Err(Misfit::ControlCharacter),
        Kind::Str(_) => Ok(()),
        Kind::Id => allowed(parse_id(text).is_some()),
        Kind::OwnId if parse_id(text) == Some(person) => Ok(()),
        Kind::OwnId => Err(Misfit::NotOwn),
        Kind::Sha256 => allowed(
            text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        ),
        Kind::Int(..) | Kind::Bool | Kind::Text(_) => Err(Misfit::WrongType),
    }
}

/// The UUID that a text is, if it is in the one form the schema allows.
#[must_use]
pub fn parse_id(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(id)
}

/// Whether a text is a code: 1 to 64 lower-case letters, digits, `_`, `-` and `.`.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.'))
}

/// Whether a character may stand in a text: no control characters except new line and tab, and not
/// the placeholder that the CRDT library uses for embedded objects.
#[must_use]
pub fn is_printable(c: char) -> bool {
    (!c.is_control() || matches!(c, '\n' | '\t')) && c != '\u{fffc}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_their_kind() {
        const ME: Uuid = Uuid::from_u128(7);
        let text = |t: &str| Scalar::Str(t.to_owned());
        let own = ME.to_string();
        for (kind, value, expected) in [
            (Kind::Int(0, 10), Scalar::Int(0), Ok(())),
            (Kind::Int(0, 10), Scalar::Int(10), Ok(())),
            (Kind::Int(0, 10), Scalar::Int(11), Err(Misfit::OutOfRange)),
            (Kind::Int(0, 10), Scalar::Int(-1), Err(Misfit::OutOfRange)),
            (Kind::Int(0, 10), text("5"), Err(Misfit::WrongType)),
            (Kind::Int(0, 10), Scalar::Bool(true), Err(Misfit::WrongType)),
            (Kind::Int(0, 10), Scalar::Null, Ok(())),
            (Kind::Bool, Scalar::Bool(false), Ok(())),
            (Kind::Bool, Scalar::Int(1), Err(Misfit::WrongType)),
            (Kind::Code(&["a", "b"]), text("b"), Ok(())),
            (Kind::Code(&["a", "b"]), text("c"), Err(Misfit::NotAllowed)),
            (Kind::Slug(3), text("a_1"), Ok(())),
            (Kind::Slug(3), text("a_12"), Err(Misfit::OutOfRange)),
            (Kind::Slug(3), text("A"), Err(Misfit::NotAllowed)),
            (Kind::Slug(3), text(""), Err(Misfit::NotAllowed)),
            (Kind::Str(6), text("保险"), Ok(())),
            (Kind::Str(5), text("保险"), Err(Misfit::OutOfRange)),
            (Kind::Str(5), text(""), Err(Misfit::OutOfRange)),
            (Kind::Str(5), text("a\nb"), Ok(())),
            (Kind::Str(5), text("a\0b"), Err(Misfit::ControlCharacter)),
            (Kind::Str(9), text("a\u{fffc}b"), Err(Misfit::ControlCharacter)),
            (Kind::Id, text(&own), Ok(())),
            (Kind::Id, text(&own.replace('-', "")), Err(Misfit::NotAllowed)),
            (Kind::Id, text("x"), Err(Misfit::NotAllowed)),
            (Kind::OwnId, text(&own), Ok(())),
            (Kind::OwnId, text(&Uuid::from_u128(8).to_string()), Err(Misfit::NotOwn)),
            (Kind::Sha256, text(&"0".repeat(64)), Ok(())),
            (Kind::Sha256, text(&"A".repeat(64)), Err(Misfit::NotAllowed)),
            (Kind::Sha256, text(&"0".repeat(63)), Err(Misfit::NotAllowed)),
            (Kind::Text(9), text("a"), Err(Misfit::WrongType)),
            (Kind::Text(9), Scalar::Null, Err(Misfit::WrongType)),
        ] {
            assert_eq!(fits(kind, &value, ME), expected, "{kind:?} {value:?}");
        }
    }

    #[test]
    fn the_table_has_no_doubles_and_paths_survive_the_round_trip() {
        for section in Section::ALL {
            for (i, field) in section.fields().iter().enumerate() {
                let twin = section.fields().iter().position(|other| other.name == field.name);
                assert_eq!(twin, Some(i), "{}/{}", section.key(), field.name);
                let item = (section.shape() != Shape::Single).then(|| "x".to_owned());
                let path = Path { section, item, field: Some(field.name) };
                assert_eq!(Path::parse(&path.to_string()), Some(path));
            }
        }
        for unknown in ["", "root", "scene/nope", "scene/weather/x", "lines/a/b", "lines/a/kind/x"]
        {
            assert_eq!(Path::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn money_fields_are_integers_that_need_a_person() {
        for section in Section::ALL {
            for field in section.fields() {
                let is_amount = ["_fen", "_bp", "_milli"].iter().any(|s| field.name.ends_with(s));
                if is_amount {
                    assert!(matches!(field.kind, Kind::Int(..)), "{}", field.name);
                    assert!(field.concern.needs_person(), "{}", field.name);
                }
            }
        }
    }
}
