//! Tables of evidence: photos, their bytes, uploads, the custody log.

use diesel::table;

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
    shop_photos (photo_id) {
        photo_id -> Text,
        case_id -> Text,
        shop_id -> Text,
        supplement_id -> Nullable<Text>,
    }
}
