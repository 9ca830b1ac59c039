//! What tus 1.0.0 demands of a server with `MUST` or `MUST NOT`, in our words, and which test holds us to
//! it. A demand that speaks of what we do not announce (deferred lengths, trailers, concatenation) binds
//! nobody here; the last rows say how we refuse it.
//!
//! | Part | A server must | Test |
//! |---|---|---|
//! | core | take only non-negative integers as `Upload-Offset` | `upload_offset_and_length_must_be_non_negative_integers` |
//! | core | take only non-negative integers as `Upload-Length` | `upload_offset_and_length_must_be_non_negative_integers` |
//! | core | list its versions in `Tus-Version`, the preferred one first | `tus_version_must_be_a_list_with_the_preferred_one_first` |
//! | core | say `Tus-Resumable` in every answer, with the version in use | `tus_resumable_must_be_in_every_answer` |
//! | core | answer 412 to a version that it does not speak | `another_version_must_be_answered_with_412_and_not_processed` |
//! | core | name its versions in that answer | `another_version_must_be_answered_with_412_and_not_processed` |
//! | core | not process such a request | `another_version_must_be_answered_with_412_and_not_processed` |
//! | core | list its extensions in `Tus-Extension` | `tus_extension_and_max_size_must_be_a_list_and_a_number` |
//! | core | say `Tus-Max-Size` as a non-negative integer | `tus_extension_and_max_size_must_be_a_list_and_a_number` |
//! | core | take the method that `X-HTTP-Method-Override` names | `the_method_override_must_be_taken_for_the_method` |
//! | core | ignore the request's own method then | `the_method_override_must_be_taken_for_the_method` |
//! | HEAD | tell the offset, also when it is 0 or the end | `head_must_tell_the_offset_even_if_it_is_0_or_the_end` |
//! | HEAD | tell the length where it is known | `head_must_tell_the_length` |
//! | HEAD | tell no offset of what does not exist | `head_of_nothing_has_no_offset` |
//! | HEAD | keep the answer from being cached | `head_must_not_be_cached` |
//! | PATCH | take bytes only under their own content type | `patch_must_have_its_content_type` |
//! | PATCH | answer 409 when the offsets differ | `another_offset_must_be_answered_with_409_and_change_nothing` |
//! | PATCH | change nothing then | `another_offset_must_be_answered_with_409_and_change_nothing` |
//! | PATCH | answer 204 when all went well | `patch_must_answer_204_with_the_sum_as_the_new_offset` |
//! | PATCH | tell the new offset in that answer | `patch_must_answer_204_with_the_sum_as_the_new_offset` |
//! | PATCH | add the bytes that came to the offset, neither more nor fewer | `patch_must_answer_204_with_the_sum_as_the_new_offset` |
//! | PATCH | refuse what does not exist | `patch_of_nothing_is_404` |
//! | PATCH | refuse more than the length | `more_than_the_length_is_refused_before_it_is_read` |
//! | PATCH | keep what came before a break, where it can | `what_came_before_a_cut_counts_and_survives_a_restart` |
//! | OPTIONS | name its versions | `tus_version_must_be_a_list_with_the_preferred_one_first` |
//! | OPTIONS | ignore `Tus-Resumable` | `options_must_ignore_tus_resumable` |
//! | creation | announce the extension | `tus_extension_and_max_size_must_be_a_list_and_a_number` |
//! | creation | refuse a creation that says no length | `creation_must_say_the_length` |
//! | creation | answer 413 to a length beyond its limit | `too_much_must_be_answered_with_413` |
//! | creation | answer 201 | `creation_must_answer_201_with_the_address` |
//! | creation | say in `Location` where the bytes go | `creation_must_answer_201_with_the_address` |
//! | creation | take metadata as pairs of key and value, separated by commas | `metadata_must_be_well_formed` |
//! | creation | take key and value separated by one space | `metadata_must_be_well_formed` |
//! | creation | refuse keys that are empty or hold a space or a comma | `metadata_must_be_well_formed` |
//! | creation | refuse values that are not Base64 | `metadata_must_be_well_formed` |
//! | creation | refuse a key that stands twice | `metadata_must_be_well_formed` |
//! | creation | give metadata back as it came | `head_must_give_the_metadata_back` |
//! | creation | take an upload of nothing for a complete one | `an_upload_of_nothing_is_complete_and_was_never_declared` |
//! | creation-with-upload | announce the extension | `tus_extension_and_max_size_must_be_a_list_and_a_number` |
//! | creation-with-upload | tell the offset behind the bytes that came along | `creation_with_upload_must_tell_the_offset` |
//! | creation-with-upload | take them only under their own content type | `creation_with_upload_must_have_its_content_type` |
//! | expiration | announce the extension | `tus_extension_and_max_size_must_be_a_list_and_a_number` |
//! | expiration | say in every PATCH when an unfinished upload ends | `every_patch_must_say_when_the_upload_expires` |
//! | expiration | say it at creation where it is known | `every_patch_must_say_when_the_upload_expires` |
//! | expiration | write the time as HTTP does | `every_patch_must_say_when_the_upload_expires` |
//! | expiration | know nothing of an upload that has ended | `an_expired_upload_is_gone_and_its_bytes_too` |
//! | checksum | announce the extension | `tus_extension_and_max_size_must_be_a_list_and_a_number` |
//! | checksum | list its algorithms in `Tus-Checksum-Algorithm` | `a_sum_must_be_checked_with_sha1_at_least` |
//! | checksum | know SHA-1 | `a_sum_must_be_checked_with_sha1_at_least` |
//! | checksum | take `Upload-Checksum` as algorithm, space and Base64 | `an_unknown_kind_of_sum_must_be_answered_with_400_and_change_nothing` |
//! | checksum | check the sum over the whole chunk | `a_chunk_with_another_sum_must_be_discarded` |
//! | checksum | check it also for bytes that come with the creation | `a_sum_must_be_checked_at_creation_too` |
//! | checksum | answer 400 to an algorithm that it does not know | `an_unknown_kind_of_sum_must_be_answered_with_400_and_change_nothing` |
//! | checksum | answer 460 to another sum | `a_chunk_with_another_sum_must_be_discarded` |
//! | checksum | throw such a chunk away | `a_chunk_with_another_sum_must_be_discarded` |
//! | checksum | leave the offset where it was | `a_chunk_with_another_sum_must_be_discarded` |
//! | checksum | let no part of a cut chunk count | `a_chunk_with_a_sum_that_is_cut_must_not_count` |
//! | termination | announce the extension | `tus_extension_and_max_size_must_be_a_list_and_a_number` |
//! | termination | answer 204 | `termination_must_answer_204_and_nothing_is_left` |
//! | termination | know the upload no more | `termination_must_answer_204_and_nothing_is_left` |
//! | not announced | refuse a deferred length | `creation_must_say_the_length` |
//! | not announced | refuse concatenation | `what_is_not_announced_is_not_done` |
//! | not announced | not take a sum for checked that comes in a trailer | `what_is_not_announced_is_not_done` |
//!
//! What we promise beyond the text stands in [`super::leases`]: one writer at a time on all nodes, a
//! writer that hangs is pre-empted within a second, and the offset never goes back.

use super::{core::must, *};
use tests::Engine;

#[test]
fn every_must_has_its_test() {
    let sources = [
        include_str!("core.rs"),
        include_str!("extensions.rs"),
        include_str!("leases.rs"),
        include_str!("protocol.rs"),
        include_str!("../uploads.rs"),
    ];
    let rows = include_str!("protocol.rs").lines().filter(|line| line.starts_with("//! | "));
    let mut count = 0;
    for row in rows.skip(1) {
        let name = row.rsplit('`').nth(1).unwrap();
        let heads = ["must!(", "each_engine!("].map(|head| format!("{head}{name}, "));
        let there = sources.iter().any(|source| heads.iter().any(|head| source.contains(head)));
        assert!(there, "no test of this name: {row}");
        count += 1;
    }
    assert!(count >= 60, "{count}");
}

must!(what_is_not_announced_is_not_done, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    // Concatenation: the header means nothing here, so the parts stay two uploads of their own.
    let whole = format!("final;{upload} {upload}");
    let reply = photo.creation().without("upload-length").header("upload-concat", &whole).send();
    let _ = reply.problem(400, "malformed_request");
    // A trailer is announced and not sent: the chunk counts as one without a sum.
    let patch = photo.patch(&upload, 0, &photo.bytes[..10]).header("trailer", "upload-checksum");
    assert_eq!(offset(&patch.send().expect(204)), 10);
});
