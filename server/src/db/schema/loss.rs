//! Tables of the loss sheet: its versions, what it is made under, verified by, negotiated,
//! agreed and repaired on, and who is told of it.

use diesel::table;

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
    rate_cards (id) {
        id -> Text,
        branch_id -> Text,
        shop_class -> Text,
        version -> BigInt,
        card -> Text,
        valid_from -> BigInt,
        created_by -> Text,
        created_at -> BigInt,
    }
}

table! {
    price_lists (id) {
        id -> Text,
        branch_id -> Text,
        kind -> Text,
        version -> BigInt,
        csv_sha256 -> Binary,
        items -> BigInt,
        imported_by -> Text,
        imported_at -> BigInt,
    }
}

table! {
    price_items (list_id, code, source) {
        list_id -> Text,
        code -> Text,
        source -> Text,
        name -> Text,
        price_fen -> BigInt,
    }
}

table! {
    policy_snapshots (case_id, number) {
        case_id -> Text,
        number -> BigInt,
        terms -> Text,
        origin -> Text,
        taken_by -> Text,
        taken_at -> BigInt,
    }
}

table! {
    case_duties (case_id, person_id, duty) {
        case_id -> Text,
        person_id -> Text,
        duty -> Text,
        since -> BigInt,
    }
}

table! {
    version_marks (version_id, ordinal) {
        version_id -> Text,
        ordinal -> BigInt,
        code -> Text,
        path -> Text,
        value -> Nullable<BigInt>,
        expected -> Nullable<BigInt>,
    }
}

table! {
    assessed_prices (version_id, line_id) {
        version_id -> Text,
        line_id -> Text,
        case_id -> Text,
        code -> Text,
        source -> Text,
        price_fen -> BigInt,
        frozen_at -> BigInt,
    }
}

table! {
    verification_queue (scope_id, case_id) {
        scope_id -> Text,
        case_id -> Text,
        version_id -> Text,
        amount_fen -> BigInt,
        marks -> BigInt,
        queued_at -> BigInt,
        due_at -> BigInt,
        started_by -> Nullable<Text>,
        started_at -> Nullable<BigInt>,
    }
}

table! {
    authority_sets (id) {
        id -> Text,
        branch_id -> Text,
        version -> BigInt,
        valid_from -> BigInt,
        terms -> Text,
        created_by -> Text,
        created_at -> BigInt,
    }
}

table! {
    authority_delegations (id) {
        id -> Text,
        from_person -> Text,
        to_person -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
        reason -> Text,
        created_by -> Text,
        created_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    verifications (id) {
        id -> Text,
        case_id -> Text,
        version_id -> Text,
        outcome -> Text,
        amount_fen -> BigInt,
        increase_fen -> BigInt,
        assessor_id -> Text,
        shop_id -> Nullable<Text>,
        queued_at -> BigInt,
        started_at -> BigInt,
        decided_at -> BigInt,
        decided_by -> Text,
        on_behalf_of -> Nullable<Text>,
        authority_version -> Nullable<BigInt>,
        answer -> Nullable<Text>,
        answered_by -> Nullable<Text>,
        answered_at -> Nullable<BigInt>,
    }
}

table! {
    verification_remarks (verification_id, ordinal) {
        verification_id -> Text,
        ordinal -> BigInt,
        line_id -> Nullable<Text>,
        reason -> Text,
        proposed_fen -> Nullable<BigInt>,
    }
}

table! {
    adjudications (id) {
        id -> Text,
        case_id -> Text,
        version_id -> Text,
        amount_fen -> BigInt,
        verified_fen -> BigInt,
        increase_fen -> BigInt,
        clauses -> Text,
        reason -> Nullable<Text>,
        assessor_id -> Text,
        shop_id -> Nullable<Text>,
        authority_version -> Nullable<BigInt>,
        decided_by -> Text,
        decided_at -> BigInt,
    }
}

table! {
    negotiation_rounds (id) {
        id -> Text,
        case_id -> Text,
        version_id -> Text,
        ordinal -> BigInt,
        side -> Text,
        action -> Text,
        line_id -> Nullable<Text>,
        amount_fen -> Nullable<BigInt>,
        statement -> Text,
        photos -> Text,
        channel -> Text,
        recorded_by -> Nullable<Text>,
        said_at -> BigInt,
    }
}

table! {
    explanations (id) {
        id -> Text,
        case_id -> Text,
        version_id -> Text,
        words -> Text,
        basis -> Text,
        photos -> Text,
        outcome -> Text,
        explained_by -> Text,
        explained_at -> BigInt,
    }
}

table! {
    visits (id) {
        id -> Text,
        case_id -> Text,
        purpose -> Text,
        reason -> Text,
        starts_at -> BigInt,
        place -> Text,
        expert_name -> Nullable<Text>,
        expert_organisation -> Nullable<Text>,
        expert_kind -> Nullable<Text>,
        customer_consent -> Text,
        status -> Text,
        came_at -> Nullable<BigInt>,
        result -> Nullable<Text>,
        outcome -> Nullable<Text>,
        made_by -> Text,
        made_at -> BigInt,
        version -> BigInt,
    }
}

table! {
    visit_changes (visit_id, ordinal) {
        visit_id -> Text,
        ordinal -> BigInt,
        before_at -> BigInt,
        after_at -> Nullable<BigInt>,
        explanation -> Text,
        asked_by -> Text,
        changed_by -> Text,
        changed_at -> BigInt,
    }
}

table! {
    agent_authorisations (id) {
        id -> Text,
        case_id -> Text,
        agent_name -> Text,
        agent_phone -> Text,
        principal_role -> Text,
        document_sha256 -> Text,
        valid_until -> BigInt,
        recorded_by -> Text,
        recorded_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    agreement_documents (version_id) {
        version_id -> Text,
        pdf -> Binary,
        pdf_sha256 -> Binary,
        drawing -> Nullable<Text>,
        custody_seq -> BigInt,
        custody_sha256 -> Text,
    }
}

table! {
    offline_agreements (id) {
        id -> Text,
        case_id -> Text,
        version_id -> Text,
        person_id -> Text,
        device_id -> Text,
        sheet_sha256 -> Binary,
        device_at -> BigInt,
        signed_at -> BigInt,
        device_signature -> Binary,
        drawing -> Text,
        state -> Text,
        void_reason -> Nullable<Text>,
        received_at -> BigInt,
        record -> Nullable<Binary>,
        signature -> Nullable<Binary>,
        key_id -> Nullable<Text>,
    }
}

table! {
    partial_agreements (id) {
        id -> Text,
        case_id -> Text,
        version_id -> Text,
        link_id -> Text,
        disputed -> Text,
        agreed_fen -> BigInt,
        agreed_at -> BigInt,
        record -> Binary,
        signature -> Binary,
        key_id -> Text,
    }
}

table! {
    page_complaints (id) {
        id -> Text,
        case_id -> Text,
        link_id -> Text,
        words -> Text,
        made_at -> BigInt,
    }
}

table! {
    shop_recommendations (id) {
        id -> Text,
        case_id -> Text,
        shops -> Text,
        recommended_by -> Text,
        recommended_at -> BigInt,
    }
}

table! {
    repair_progress (id) {
        id -> Text,
        case_id -> Text,
        shop_id -> Text,
        stage -> Text,
        words -> Text,
        reported_by -> Text,
        reported_at -> BigInt,
    }
}

table! {
    supplement_requests (id) {
        id -> Text,
        case_id -> Text,
        shop_id -> Text,
        words -> Text,
        state -> Text,
        answer -> Nullable<Text>,
        requested_by -> Text,
        requested_at -> BigInt,
        answered_by -> Nullable<Text>,
        answered_at -> Nullable<BigInt>,
    }
}

table! {
    shop_links (id) {
        id -> Text,
        token_sha256 -> Binary,
        case_id -> Text,
        shop_id -> Text,
        sent_to -> Text,
        created_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_by -> Nullable<Text>,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    webhooks (id) {
        id -> Text,
        audience -> Text,
        shop_id -> Nullable<Text>,
        branch_id -> Text,
        url -> Text,
        created_by -> Text,
        created_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    webhook_deliveries (webhook_id, case_id, seq) {
        webhook_id -> Text,
        case_id -> Text,
        seq -> BigInt,
        event_id -> Text,
        body -> Text,
        state -> Text,
        created_at -> BigInt,
        settled_at -> Nullable<BigInt>,
    }
}

table! {
    webhook_lanes (webhook_id, case_id) {
        webhook_id -> Text,
        case_id -> Text,
        last_seq -> BigInt,
        state -> Text,
        attempts -> BigInt,
        next_at -> BigInt,
        locked_until -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
    }
}
