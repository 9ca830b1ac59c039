//! The pure core that server and phone share.
//!
//! Nothing here reads a clock, randomness, a file or the network: times, ids and bytes come in as
//! values, decisions and bytes go out. So the phone shows the same countdown, the same total and the
//! same refusals as the server, also with no signal.
//!
//! * [`ids`], [`time`], [`money`], [`geo`]: newtypes and their arithmetic
//! * [`wire_name`]: enumerations with one stable name per value
//! * [`identifiers`]: number plates, VINs and phone numbers
//! * [`lifecycle`]: the states of a case and what may follow what
//! * [`promise`], [`clock`], [`calendar`]: service limits as data, and clocks as a fold over the event log
//! * [`estimate`], [`sheet`]: loss-sheet arithmetic in fen, and the sheet of a case that is agreed on
//! * [`cover`], [`rate_card`]: what the policy would bear of it, and the rates that are agreed, as data
//! * [`photo`]: what evidence photos show, how their bytes are named, what a receipt says
//! * [`capture`]: which photos an accident needs, and whether one is sharp and bright enough
//! * [`custody`]: the hash-chained log of every act on evidence, and its verification
//! * [`model`], [`edit`], [`conflict`], [`difference`]: the shared draft, targeted writes to it, what
//!   needs a person, what changed
//! * [`limits`], [`gate`]: what untrusted bytes must pass before the CRDT library sees them
//! * [`protocol`], [`outbox`], [`recover`], [`client`]: the phone's side of synchronisation, without IO
//! * [`cbor`]: the same messages in fewer bytes

pub use automerge;

pub mod calendar;
pub mod cbor;
pub mod client;
pub mod capture;
pub mod clock;
pub mod conflict;
pub mod cover;
pub mod custody;
pub mod difference;
pub mod edit;
pub mod estimate;
pub mod gate;
pub mod geo;
pub mod identifiers;
pub mod ids;
pub mod lifecycle;
pub mod limits;
pub mod model;
pub mod money;
pub mod outbox;
pub mod photo;
pub mod promise;
pub mod protocol;
pub mod rate_card;
pub mod recover;
pub mod sheet;
pub mod time;
pub mod wire_name;
