//! Enumerations whose values have one fixed name on the wire, in the database and in messages.

/// A closed enumeration and its names, as one table. Makes the enum with `ALL`, `as_str`, `Display`,
/// `FromStr` and serde by name, so that no name is written twice.
macro_rules! wire_names {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $wire:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[doc = $doc])* #[serde(rename = $wire)] $variant,)*
        }

        impl $name {
            /// Every value, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The names, in the order of the table.
            pub const NAMES: &'static [&'static str] = &[$($wire,)*];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::wire_name::UnknownName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($wire => Ok(Self::$variant),)*
                    _ => Err($crate::wire_name::UnknownName),
                }
            }
        }
    };
}
pub(crate) use wire_names;

/// The text is not one of the names of the enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;
