//! Tables as diesel sees them; the same for both engines, and how they join.

mod dispatch;
mod draft;
mod evidence;
mod loss;
mod promise;

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

pub use dispatch::*;
pub use draft::*;
pub use evidence::*;
pub use loss::*;
pub use promise::*;

table! {
    branches (id) {
        id -> Text,
        code -> Text,
        name -> Text,
        parent_id -> Nullable<Text>,
        path -> Text,
        created_at -> BigInt,
        version -> BigInt,
    }
}

table! {
    people (id) {
        id -> Text,
        username -> Text,
        name -> Text,
        staff_no -> Nullable<Text>,
        phone -> Nullable<Text>,
        password_hash -> Text,
        roles -> Text,
        branch_id -> Text,
        shop_id -> Nullable<Text>,
        disabled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        version -> BigInt,
    }
}

table! {
    devices (id) {
        id -> Text,
        person_id -> Text,
        public_key -> Binary,
        name -> Text,
        platform -> Text,
        enrolled_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revoked_by -> Nullable<Text>,
        version -> BigInt,
    }
}

table! {
    refresh_tokens (token_hash) {
        token_hash -> Binary,
        family_id -> Text,
        person_id -> Text,
        device_id -> Text,
        issued_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    login_throttle (subject) {
        subject -> Text,
        guesses -> Text,
        latest_at -> BigInt,
    }
}

table! {
    cases (id) {
        id -> Text,
        report_no -> Text,
        branch_id -> Text,
        status -> Text,
        customer_name -> Text,
        contact_name -> Text,
        contact_phone -> Text,
        plate -> Text,
        vin -> Nullable<Text>,
        policy_no -> Nullable<Text>,
        loss_at -> BigInt,
        loss_place -> Text,
        lat -> Nullable<Double>,
        lon -> Nullable<Double>,
        accuracy_m -> Nullable<Double>,
        description -> Nullable<Text>,
        injured -> Bool,
        drivable -> Nullable<Bool>,
        promise_code -> Text,
        promise_version -> BigInt,
        reported_at -> BigInt,
        reported_by -> Text,
        version -> BigInt,
        datum -> Nullable<Text>,
    }
}

table! {
    case_events (id) {
        id -> Text,
        case_id -> Text,
        seq -> BigInt,
        kind -> Text,
        actor -> Text,
        device_id -> Nullable<Text>,
        device_at -> Nullable<BigInt>,
        occurred_at -> BigInt,
        recorded_at -> BigInt,
        data -> Text,
    }
}

table! {
    case_changes (seq) {
        seq -> BigInt,
        tx -> BigInt,
        case_id -> Text,
        topic -> Text,
        at -> BigInt,
        person_id -> Nullable<Text>,
    }
}

table! {
    feed_readers (name) {
        name -> Text,
        tx -> BigInt,
        seq -> BigInt,
    }
}

table! {
    idempotency_keys (actor, idempotency_key) {
        actor -> Text,
        idempotency_key -> Text,
        request_sha256 -> Binary,
        status -> BigInt,
        body -> Binary,
        created_at -> BigInt,
    }
}

table! {
    case_people (case_id, person_id) {
        case_id -> Text,
        person_id -> Text,
        since -> BigInt,
        until -> Nullable<BigInt>,
    }
}

table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        payload -> Text,
        run_at -> BigInt,
        attempts -> BigInt,
        locked_until -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        dead_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

table! {
    outbox_messages (id) {
        id -> Text,
        case_id -> Nullable<Text>,
        recipient -> Text,
        body -> Text,
        expires_at -> Nullable<BigInt>,
        created_at -> BigInt,
        sent_at -> Nullable<BigInt>,
    }
}

table! {
    repair_shops (id) {
        id -> Text,
        name -> Text,
        address -> Text,
        phone -> Nullable<Text>,
        class -> Text,
        licence_no -> Text,
        licence_ends_at -> BigInt,
        credit_code -> Text,
        created_by -> Text,
        created_at -> BigInt,
        version -> BigInt,
        lat -> Nullable<Double>,
        lon -> Nullable<Double>,
        hours -> Nullable<Text>,
        recommended -> BigInt,
    }
}

table! {
    case_shops (case_id) {
        case_id -> Text,
        shop_id -> Nullable<Text>,
        other_name -> Nullable<Text>,
        other_phone -> Nullable<Text>,
        chosen_at -> BigInt,
        recorded_by -> Text,
        recorded_at -> BigInt,
        version -> BigInt,
    }
}

table! {
    survey_arrivals (event_id) {
        event_id -> Text,
        case_id -> Text,
        person_id -> Text,
        lat -> Nullable<Double>,
        lon -> Nullable<Double>,
        accuracy_m -> Nullable<Double>,
        mock -> Bool,
        distance_m -> Nullable<Double>,
        plausibility -> Text,
        staff_shown -> Bool,
        datum -> Nullable<Text>,
    }
}

table! {
    sync_commands (person_id, id) {
        person_id -> Text,
        id -> Text,
        case_id -> Text,
        kind -> Text,
        sha256 -> Binary,
        status -> Text,
        problem -> Nullable<Text>,
        device_id -> Nullable<Text>,
        received_at -> BigInt,
    }
}

joinable!(dispatch_settings -> branches (branch_id));
joinable!(catastrophes -> branches (branch_id));
joinable!(case_queue -> branches (branch_id));
joinable!(case_queue -> cases (case_id));
joinable!(offers -> cases (case_id));
joinable!(offers -> people (surveyor_id));
joinable!(shifts -> people (person_id));
joinable!(duty_log -> people (person_id));
joinable!(surveyor_profiles -> people (person_id));
allow_tables_to_appear_in_same_query!(dispatch_settings, branches);
allow_tables_to_appear_in_same_query!(catastrophes, branches);
allow_tables_to_appear_in_same_query!(case_queue, branches);
allow_tables_to_appear_in_same_query!(case_queue, cases);
allow_tables_to_appear_in_same_query!(offers, people);
allow_tables_to_appear_in_same_query!(offers, cases);
allow_tables_to_appear_in_same_query!(shifts, people);
allow_tables_to_appear_in_same_query!(shifts, branches);
allow_tables_to_appear_in_same_query!(surveyor_profiles, people);
allow_tables_to_appear_in_same_query!(surveyor_profiles, branches);
allow_tables_to_appear_in_same_query!(trackings, tasks);
joinable!(trips -> branches (branch_id));
allow_tables_to_appear_in_same_query!(trips, branches);
joinable!(branch_promises -> branches (branch_id));
joinable!(case_clocks -> branches (branch_id));
joinable!(case_clocks -> cases (case_id));
joinable!(alarms -> branches (branch_id));
allow_tables_to_appear_in_same_query!(branches, branch_promises);
allow_tables_to_appear_in_same_query!(case_clocks, branches);
allow_tables_to_appear_in_same_query!(case_clocks, cases);
allow_tables_to_appear_in_same_query!(alarms, branches);
joinable!(zone_sets -> branches (branch_id));
joinable!(latest_positions -> people (person_id));
joinable!(tasks -> cases (case_id));
joinable!(tasks -> people (surveyor_id));
joinable!(people -> branches (branch_id));
joinable!(cases -> branches (branch_id));
joinable!(case_changes -> cases (case_id));
allow_tables_to_appear_in_same_query!(
    branches,
    people,
    devices,
    cases,
    case_events,
    case_people,
    case_changes,
    zone_sets,
    latest_positions,
    tasks,
);
joinable!(case_draft -> cases (case_id));
joinable!(draft_quarantine -> cases (case_id));
allow_tables_to_appear_in_same_query!(draft_quarantine, cases);
allow_tables_to_appear_in_same_query!(draft_quarantine, branches);
allow_tables_to_appear_in_same_query!(case_draft, cases);
joinable!(shop_photos -> photos (photo_id));
allow_tables_to_appear_in_same_query!(shop_photos, photos);
joinable!(supplement_requests -> cases (case_id));
joinable!(supplement_requests -> repair_shops (shop_id));
allow_tables_to_appear_in_same_query!(supplement_requests, cases);
allow_tables_to_appear_in_same_query!(supplement_requests, branches);
allow_tables_to_appear_in_same_query!(supplement_requests, case_people);
allow_tables_to_appear_in_same_query!(supplement_requests, repair_shops);
allow_tables_to_appear_in_same_query!(repair_shops, cases);
allow_tables_to_appear_in_same_query!(repair_shops, branches);
allow_tables_to_appear_in_same_query!(repair_shops, case_people);
allow_tables_to_appear_in_same_query!(photos, blobs);
allow_tables_to_appear_in_same_query!(photos, photo_facts);
allow_tables_to_appear_in_same_query!(custody_entries, custody_heads);
allow_tables_to_appear_in_same_query!(custody_checkpoints, custody_checkpoint_heads);
