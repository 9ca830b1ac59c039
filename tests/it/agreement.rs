//! Journeys: the customer agrees on exactly one version, or objects (B19, C14, C25, C26).

mod codes;
mod links;
mod pages;
mod proofs;
mod races;
