//! The demo's story ends well: every promise that it plays through is kept.

use tests::binary;

#[test]
fn the_demo_tells_its_story_to_the_end() {
    let output = binary::chakan(&["demo"], &[("CHAKAN_LOG", "warn")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{why}");
    assert!(said.trim_end().ends_with("Everything was as expected."), "{said}");
}
