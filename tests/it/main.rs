//! Journeys over real HTTP, and guards.

mod dispatch;
mod field;
mod intake;
mod repair;
