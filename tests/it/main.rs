//! Journeys over real HTTP, and guards.

mod agreement;
mod assessed;
mod assessment;
mod authz;
mod board;
mod config;
mod crash;
mod database;
mod demo;
mod dispatch;
mod draft;
mod evidence;
mod field;
mod identity;
mod hostile;
mod intake;
mod licences;
mod migrations;
mod openapi;
mod privacy;
mod repair;
mod survey;
mod sync_commands;
mod source;
mod stream;
mod tidy;
