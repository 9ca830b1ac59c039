//! Tables of drafts.

use diesel::table;

table! {
    case_draft (case_id) {
        case_id -> Text,
        epoch -> BigInt,
        lsn -> BigInt,
        heads -> Binary,
        max_op -> BigInt,
        snapshot_lsn -> BigInt,
        tail_bytes -> BigInt,
        approved_heads -> Nullable<Binary>,
        approved_sha256 -> Nullable<Binary>,
        opened_at -> BigInt,
        changed_at -> BigInt,
        frozen_heads -> Nullable<Binary>,
        frozen_sha256 -> Nullable<Binary>,
        renewed_lsn -> Nullable<BigInt>,
    }
}

table! {
    draft_actor (actor) {
        actor -> Binary,
        case_id -> Text,
        kind -> Text,
        person_id -> Nullable<Text>,
        install_id -> Nullable<Text>,
        device_id -> Nullable<Text>,
        issue_key -> Nullable<Text>,
        issued_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    draft_change (case_id, lsn) {
        case_id -> Text,
        lsn -> BigInt,
        epoch -> BigInt,
        hash -> Binary,
        actor -> Binary,
        seq -> BigInt,
        deps -> Binary,
        start_op -> BigInt,
        max_op -> BigInt,
        client_time -> BigInt,
        received_at -> BigInt,
        person_id -> Nullable<Text>,
        device_id -> Nullable<Text>,
        push_id -> Nullable<Text>,
        size -> BigInt,
        bytes -> Binary,
    }
}

table! {
    draft_snapshot (case_id, lsn) {
        case_id -> Text,
        lsn -> BigInt,
        heads -> Binary,
        bytes -> Binary,
        sha256 -> Binary,
        verified_at -> BigInt,
    }
}

table! {
    draft_push (person_id, push_id) {
        person_id -> Text,
        push_id -> Text,
        case_id -> Text,
        actor -> Binary,
        request_sha256 -> Binary,
        response -> Binary,
        created_at -> BigInt,
    }
}

table! {
    draft_quarantine (id) {
        id -> Text,
        case_id -> Text,
        actor -> Binary,
        person_id -> Text,
        push_id -> Text,
        change_hash -> Nullable<Binary>,
        rule -> Text,
        path -> Nullable<Text>,
        detail -> Text,
        bytes -> Binary,
        bytes_sha256 -> Binary,
        size -> BigInt,
        received_at -> BigInt,
        decided_at -> Nullable<BigInt>,
        decided_by -> Nullable<Text>,
        decision -> Nullable<Text>,
        device_id -> Nullable<Text>,
        signature -> Nullable<Binary>,
        reason -> Nullable<Text>,
    }
}

table! {
    draft_signature (person_id, push_id) {
        person_id -> Text,
        push_id -> Text,
        case_id -> Text,
        device_id -> Text,
        signed -> Text,
        signature -> Binary,
        received_at -> BigInt,
    }
}

table! {
    draft_late (id) {
        id -> Text,
        case_id -> Text,
        actor -> Binary,
        epoch -> BigInt,
        person_id -> Text,
        device_id -> Nullable<Text>,
        state -> Text,
        last_seq -> BigInt,
        opened_at -> BigInt,
        changed_at -> BigInt,
        decided_at -> Nullable<BigInt>,
        decided_by -> Nullable<Text>,
    }
}

table! {
    draft_late_change (late_id, seq) {
        late_id -> Text,
        seq -> BigInt,
        case_id -> Text,
        hash -> Binary,
        deps -> Binary,
        client_time -> BigInt,
        received_at -> BigInt,
        push_id -> Text,
        bytes -> Binary,
    }
}

table! {
    draft_late_taken (late_id, path, lsn) {
        late_id -> Text,
        path -> Text,
        lsn -> BigInt,
        taken_by -> Text,
        taken_at -> BigInt,
    }
}

table! {
    draft_amendment (id) {
        id -> Text,
        case_id -> Text,
        amends -> Text,
        epoch -> BigInt,
        from_lsn -> BigInt,
        to_lsn -> BigInt,
        person_id -> Text,
        device_id -> Nullable<Text>,
        push_id -> Text,
        difference -> Text,
        received_at -> BigInt,
        covered_at -> Nullable<BigInt>,
        decision -> Nullable<Text>,
        decided_by -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}

table! {
    draft_conflict (case_id, path, opened_lsn) {
        case_id -> Text,
        path -> Text,
        opened_lsn -> BigInt,
        concern -> Text,
        content -> Text,
        changed_lsn -> BigInt,
        opened_at -> BigInt,
        resolved_lsn -> Nullable<BigInt>,
        resolved_by -> Nullable<Text>,
        resolved_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}
