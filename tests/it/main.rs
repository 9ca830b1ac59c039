//! Journeys over real HTTP, and guards.

mod dispatch;
mod evidence;
mod field;
mod identity;
mod intake;
mod repair;
