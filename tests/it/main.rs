//! Journeys over real HTTP, and guards.

mod intake;
mod repair;
