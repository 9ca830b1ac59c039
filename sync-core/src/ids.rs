//! Identifiers. Every record is named by a UUID that whoever creates the record makes up, so that a
//! retry names the same record again.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )*};
}

ids! {
    /// A branch (handling or underwriting unit) of the insurer.
    BranchId;
    /// A person who logs in, whatever their role.
    PersonId;
    /// One installation of the app, or one browser, with its own key.
    DeviceId;
    /// A loss report and everything that follows from it.
    CaseId;
    /// One entry of a case's event log; made by whoever saw it happen.
    EventId;
    /// The order to one surveyor to survey one case.
    TaskId;
    /// One import of the zones that decide arrival limits.
    ZoneSetId;
    /// A repair shop.
    ShopId;
    /// One expected or received photo of a case.
    PhotoId;
    /// One line of a loss sheet.
    LineId;
    /// One push of draft changes.
    PushId;
    /// One frozen loss sheet.
    VersionId;
    /// One link sent to a customer.
    LinkId;
    /// One message to somebody outside.
    MessageId;
    /// One piece of background work.
    JobId;
    /// One warning about a promise.
    AlarmId;
    /// One question to one surveyor whether they take a case.
    OfferId;
    /// One turn on duty of one surveyor.
    ShiftId;
    /// One catastrophe with many cases.
    CatastropheId;
    /// One import of the regions that units serve.
    RegionSetId;
    /// One offer of help for a vehicle that cannot move.
    RescueId;
    /// One amount between two units.
    FeeId;
    /// One link on which a customer sees the surveyor approach.
    TrackingId;
}
