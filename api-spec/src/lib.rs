//! The wire contract of Chakan: requests, responses and error codes.
//!
//! Shapes only. Every command refuses unknown fields; times are RFC 3339 in UTC, money is integer
//! fen (`..._fen`), positions are WGS-84 degrees with an accuracy in metres, ids are UUIDs (version 7
//! when we make them).

pub mod agreement;
pub mod assessment;
pub mod board;
pub mod case;
pub mod dispatch;
pub mod draft;
pub mod duty;
pub mod evidence;
pub mod identity;
pub mod offer;
pub mod negotiation;
pub mod page;
pub mod photo_plan;
pub mod problem;
pub mod promise;
pub mod repair;
pub mod scene;
pub mod settlement;
pub mod sla;
pub mod survey;
pub mod sync;
pub mod tracking;
pub mod tariff;
pub mod verification;
pub mod webhook;
