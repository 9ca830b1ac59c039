//! Tables of promises, working days and the clocks that follow from them.

use diesel::table;

table! {
    working_years (year, version) {
        year -> BigInt,
        version -> BigInt,
        notice -> Text,
        source -> Text,
        imported_at -> BigInt,
        imported_by -> Text,
    }
}

table! {
    promise_profiles (code, version) {
        code -> Text,
        version -> BigInt,
        body -> Text,
        imported_at -> BigInt,
        imported_by -> Text,
    }
}

table! {
    branch_promises (branch_id) {
        branch_id -> Text,
        code -> Text,
        set_at -> BigInt,
        set_by -> Text,
    }
}

table! {
    case_clocks (case_id, clock) {
        case_id -> Text,
        clock -> Text,
        branch_id -> Text,
        started_at -> BigInt,
        limit_at -> Nullable<BigInt>,
        provisional -> Bool,
        verdict -> Text,
        stopped_at -> Nullable<BigInt>,
        next_at -> Nullable<BigInt>,
        folded_at -> BigInt,
    }
}

table! {
    clock_limits (case_id, clock, ordinal) {
        case_id -> Text,
        clock -> Text,
        ordinal -> BigInt,
        limit_at -> Nullable<BigInt>,
        provisional -> Bool,
        reason -> Text,
        set_at -> BigInt,
    }
}

table! {
    alarms (id) {
        id -> Text,
        case_id -> Text,
        branch_id -> Text,
        clock -> Text,
        kind -> Text,
        audience -> Text,
        limit_at -> Nullable<BigInt>,
        raised_at -> BigInt,
        cleared_at -> Nullable<BigInt>,
        cleared_by -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}
