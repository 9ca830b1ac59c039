//! Journeys: people, their devices, log-in and what ends it.

mod command_line;
mod devices;
mod people;
mod phone;
mod refresh;
mod signing_keys;
mod throttle;
