//! Tables as diesel sees them; the same for both engines. One block for each migration.

mod draft;
mod loss;

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

pub use draft::*;
pub use loss::*;

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
    assessment_versions (id) {
        id -> Text,
        case_id -> Text,
        number -> BigInt,
        heads -> Text,
        draft_sha256 -> Binary,
        sheet -> Binary,
        sheet_sha256 -> Binary,
        total_fen -> BigInt,
        rescue_fen -> BigInt,
        uncovered_fen -> BigInt,
        self_borne_fen -> BigInt,
        note -> Nullable<Text>,
        author -> Text,
        frozen_at -> BigInt,
    }
}

table! {
    agreement_links (id) {
        id -> Text,
        token_sha256 -> Binary,
        case_id -> Text,
        version_id -> Text,
        sent_to -> Text,
        code_to -> Text,
        staff_name -> Text,
        staff_no -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        superseded_at -> Nullable<BigInt>,
        authorisation_id -> Nullable<Text>,
    }
}

table! {
    agreement_codes (id) {
        id -> Text,
        link_id -> Text,
        code_hmac -> Binary,
        recipient_hmac -> Binary,
        sent_at -> BigInt,
        expires_at -> BigInt,
        wrong_tries -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

table! {
    agreement_objections (id) {
        id -> Text,
        link_id -> Text,
        case_id -> Text,
        version_id -> Text,
        reason -> Text,
        words -> Text,
        objected_at -> BigInt,
    }
}

table! {
    agreements (version_id) {
        version_id -> Text,
        case_id -> Text,
        link_id -> Text,
        code_id -> Text,
        agreed_at -> BigInt,
        record -> Binary,
        signature -> Binary,
        key_id -> Text,
    }
}

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
    photos (id) {
        id -> Text,
        case_id -> Text,
        sha256 -> Text,
        size -> BigInt,
        slot -> Text,
        captured_at -> BigInt,
        lat -> Nullable<Double>,
        lon -> Nullable<Double>,
        accuracy_m -> Nullable<Double>,
        mock -> Nullable<Bool>,
        line_id -> Nullable<Text>,
        declared_at -> BigInt,
        declared_by -> Text,
        device_id -> Nullable<Text>,
        received_at -> Nullable<BigInt>,
        received_by -> Nullable<Text>,
    }
}

table! {
    blobs (sha256) {
        sha256 -> Text,
        size -> BigInt,
        media_type -> Text,
        width -> BigInt,
        height -> BigInt,
        camera -> Text,
        stored_at -> BigInt,
        removed_at -> Nullable<BigInt>,
    }
}

table! {
    copies (sha256, kind) {
        sha256 -> Text,
        kind -> Text,
        copy_sha256 -> Text,
        size -> BigInt,
        width -> BigInt,
        height -> BigInt,
        made_at -> BigInt,
    }
}

table! {
    photo_looks (seq) {
        seq -> BigInt,
        sha256 -> Text,
        hashes -> Nullable<Binary>,
        sharpness -> Nullable<Double>,
        dark -> Nullable<Double>,
        bright -> Nullable<Double>,
        looked_at -> BigInt,
    }
}

table! {
    photo_likenesses (sha256, other_sha256) {
        sha256 -> Text,
        other_sha256 -> Text,
        distance -> BigInt,
        found_at -> BigInt,
    }
}

table! {
    photo_facts (photo_id) {
        photo_id -> Text,
        announced_at -> BigInt,
        device_ahead -> Nullable<BigInt>,
        scene_m -> Nullable<BigInt>,
        arrival_m -> Nullable<BigInt>,
        seen_at -> Nullable<BigInt>,
        camera_ahead -> Nullable<BigInt>,
        gps_ahead -> Nullable<BigInt>,
        edited_by -> Nullable<Text>,
        screenshot -> Nullable<Bool>,
    }
}

table! {
    photo_plans (version) {
        version -> BigInt,
        note -> Text,
        plans -> Text,
        imported_at -> BigInt,
        imported_by -> Text,
    }
}

table! {
    photo_requests (id) {
        id -> Text,
        case_id -> Text,
        slot -> Text,
        least -> BigInt,
        reason -> Text,
        line_id -> Nullable<Text>,
        requested_by -> Text,
        requested_at -> BigInt,
    }
}

table! {
    evidence_holds (id) {
        id -> Text,
        case_id -> Text,
        reason -> Text,
        held_by -> Text,
        held_at -> BigInt,
        released_by -> Nullable<Text>,
        released_at -> Nullable<BigInt>,
    }
}

table! {
    blob_faults (sha256) {
        sha256 -> Text,
        fault -> Text,
        found_at -> BigInt,
    }
}

table! {
    uploads (id) {
        id -> Text,
        person_id -> Text,
        case_id -> Nullable<Text>,
        photo_id -> Nullable<Text>,
        sha256 -> Nullable<Text>,
        length -> BigInt,
        received_bytes -> BigInt,
        metadata -> Nullable<Text>,
        fence -> BigInt,
        leased_until -> Nullable<BigInt>,
        wanted -> Bool,
        created_at -> BigInt,
        expires_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
    }
}

table! {
    upload_parts (upload_id, start_at) {
        upload_id -> Text,
        start_at -> BigInt,
        size -> BigInt,
        fence -> BigInt,
    }
}

table! {
    custody_entries (case_id, seq) {
        case_id -> Text,
        seq -> BigInt,
        previous -> Text,
        act -> Text,
        actor -> Text,
        device_id -> Nullable<Text>,
        at -> BigInt,
        subject -> Text,
        data -> Text,
        sha256 -> Text,
    }
}

table! {
    custody_heads (case_id) {
        case_id -> Text,
        seq -> BigInt,
        sha256 -> Text,
        at -> BigInt,
        key_id -> Text,
        signature -> Text,
        covered_seq -> BigInt,
    }
}

table! {
    custody_checkpoints (number) {
        number -> BigInt,
        at -> BigInt,
        previous -> Text,
        root -> Text,
        heads -> BigInt,
        key_id -> Text,
        signature -> Text,
    }
}

table! {
    custody_checkpoint_heads (number, case_id) {
        number -> BigInt,
        case_id -> Text,
        seq -> BigInt,
        sha256 -> Text,
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

allow_tables_to_appear_in_same_query!(trackings, tasks);
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
allow_tables_to_appear_in_same_query!(photos, blobs);
allow_tables_to_appear_in_same_query!(photos, photo_facts);
allow_tables_to_appear_in_same_query!(custody_entries, custody_heads);
allow_tables_to_appear_in_same_query!(custody_checkpoints, custody_checkpoint_heads);
