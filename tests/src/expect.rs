//! Files that say what is expected, reviewed as a diff.

use std::fs;

/// Fails unless the file (named from the top of the repository) holds exactly this text. With
/// `UPDATE_EXPECT=1` the file is written instead.
///
/// # Panics
/// Then.
#[track_caller]
pub fn expect_file(name: &str, text: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the tests are run, not what the server does"
    )]
    let update = std::env::var("UPDATE_EXPECT").is_ok_and(|wish| wish == "1");
    let path = crate::binary::repository().join(name);
    if update {
        fs::write(&path, text).unwrap();
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    if let Some((n, (is, was))) = (1..)
        .zip(text.lines().map(Some).chain([None]).zip(known.lines().map(Some).chain([None])))
        .find(|(_, (is, was))| is != was)
    {
        panic!(
            "{name} is out of date at line {n}:\n  it says  {was:?}\n  now is   {is:?}\n\
             If the change is meant: UPDATE_EXPECT=1 cargo test -p tests, and review the diff."
        );
    }
}
