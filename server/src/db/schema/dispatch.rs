//! Tables of dispatch: zones, positions, tasks, duty, the queue, the way, other units, rescue.

use diesel::table;

table! {
    zone_sets (id) {
        id -> Text,
        version -> BigInt,
        branch_id -> Text,
        imported_at -> BigInt,
        imported_by -> Text,
    }
}

table! {
    zones (set_id, ordinal) {
        set_id -> Text,
        ordinal -> BigInt,
        name -> Text,
        class -> Text,
        vertices -> BigInt,
        shape -> Text,
    }
}

table! {
    positions (person_id, device_at) {
        person_id -> Text,
        device_at -> BigInt,
        measured_at -> BigInt,
        received_at -> BigInt,
        lat -> Double,
        lon -> Double,
        accuracy_m -> Nullable<Double>,
        mock -> Bool,
        datum -> Text,
    }
}

table! {
    latest_positions (person_id) {
        person_id -> Text,
        measured_at -> BigInt,
        lat -> Double,
        lon -> Double,
        accuracy_m -> Nullable<Double>,
        cell -> BigInt,
    }
}

table! {
    tasks (id) {
        id -> Text,
        case_id -> Text,
        surveyor_id -> Text,
        status -> Text,
        zone_class -> Text,
        zone_version -> Nullable<BigInt>,
        estimate_ms -> Nullable<BigInt>,
        assigned_by -> Text,
        assigned_at -> BigInt,
        answered_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        version -> BigInt,
    }
}

table! {
    dispatch_settings (branch_id) {
        branch_id -> Text,
        mode -> Text,
        offer_ms -> BigInt,
        set_at -> BigInt,
        set_by -> Text,
    }
}

table! {
    shifts (id) {
        id -> Text,
        person_id -> Text,
        kind -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
        created_by -> Text,
        cancelled_at -> Nullable<BigInt>,
    }
}

table! {
    duty_log (person_id, said_at) {
        person_id -> Text,
        said_at -> BigInt,
        on_duty -> Bool,
    }
}

table! {
    surveyor_profiles (person_id) {
        person_id -> Text,
        skills -> Text,
        vehicle_classes -> Text,
        home_lat -> Nullable<Double>,
        home_lon -> Nullable<Double>,
        set_at -> BigInt,
        set_by -> Text,
    }
}

table! {
    interests (person_id, kind, value) {
        person_id -> Text,
        kind -> Text,
        value -> Text,
        relation -> Text,
        declared_at -> BigInt,
        declared_by -> Text,
    }
}

table! {
    case_needs (case_id) {
        case_id -> Text,
        skill -> Nullable<Text>,
        vehicle_class -> Nullable<Text>,
        set_at -> BigInt,
        set_by -> Text,
    }
}

table! {
    case_queue (case_id) {
        case_id -> Text,
        branch_id -> Text,
        since -> BigInt,
        limit_at -> BigInt,
        next_at -> BigInt,
        escalated -> BigInt,
    }
}

table! {
    offers (id) {
        id -> Text,
        case_id -> Text,
        surveyor_id -> Text,
        status -> Text,
        made_at -> BigInt,
        expires_at -> BigInt,
        answered_at -> Nullable<BigInt>,
        estimate_ms -> Nullable<BigInt>,
        expected_at -> Nullable<BigInt>,
        verdict -> Text,
        reason -> Nullable<Text>,
    }
}

table! {
    catastrophes (id) {
        id -> Text,
        branch_id -> Text,
        name -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
        shared_with -> Text,
        urban_ms -> Nullable<BigInt>,
        other_ms -> Nullable<BigInt>,
        reason -> Text,
        declared_at -> BigInt,
        declared_by -> Text,
    }
}

table! {
    task_etas (task_id) {
        task_id -> Text,
        position_at -> BigInt,
        expected_at -> BigInt,
        uncertainty_ms -> BigInt,
        source -> Text,
        warned_at -> Nullable<BigInt>,
    }
}

table! {
    trips (task_id) {
        task_id -> Text,
        branch_id -> Text,
        lat -> Double,
        lon -> Double,
        began_at -> BigInt,
        straight_ms -> BigInt,
        estimate_ms -> Nullable<BigInt>,
        actual_ms -> BigInt,
        zone_class -> Nullable<Text>,
    }
}

table! {
    trackings (id) {
        id -> Text,
        token_sha256 -> Binary,
        task_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    unit_messages (id) {
        id -> Text,
        case_id -> Text,
        branch_id -> Text,
        person_id -> Text,
        text -> Text,
        sent_at -> BigInt,
    }
}

table! {
    proxies (case_id) {
        case_id -> Text,
        unit -> Text,
        branch_id -> Nullable<Text>,
        contact_name -> Text,
        contact_phone -> Text,
        arranged_at -> BigInt,
        arranged_by -> Text,
    }
}

table! {
    unit_fees (id) {
        id -> Text,
        case_id -> Text,
        creditor_id -> Text,
        debtor_id -> Text,
        amount_fen -> BigInt,
        reason -> Text,
        entered_at -> BigInt,
        entered_by -> Text,
        settled_at -> Nullable<BigInt>,
        settled_by -> Nullable<Text>,
    }
}

table! {
    rescues (id) {
        id -> Text,
        case_id -> Text,
        provider -> Text,
        fee_fen -> BigInt,
        payer -> Text,
        offered_at -> BigInt,
        answer -> Nullable<Text>,
        answered_at -> Nullable<BigInt>,
        called_at -> Nullable<BigInt>,
    }
}
