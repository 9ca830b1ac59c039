//! `chakan user add`.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use tests::{Scratch, binary};

fn add(scratch: &Scratch, arguments: &[&str], password: &str) -> Output {
    let settings = [("CHAKAN_DATA_DIR", scratch.path().to_str().unwrap())];
    let arguments = [&["user", "add"], arguments].concat();
    let mut command = binary::chakan(&arguments, &settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A refusal may come before the password is read.
    let _ = command.stdin.take().unwrap().write_all(password.as_bytes());
    command.wait_with_output().unwrap()
}

#[test]
fn a_person_is_added_or_the_reason_is_said_in_one_line() {
    let scratch = Scratch::new("user-add");
    let good = ["first.admin", "--name", "管理员", "--role", "admin,manager"];
    let added = add(&scratch, &good, "long enough to keep\n");
    assert!(added.status.success(), "{added:?}");
    assert_eq!(String::from_utf8_lossy(&added.stdout), "added\n");

    let shop = "0193a5a0-0000-7000-8000-000000000001";
    for (arguments, password, said) in [
        (&good[..], "long enough to keep", "username (taken)"),
        (
            &["Admin", "--name", "a", "--role", "admin"],
            "long enough to keep",
            "username (forbidden_character)",
        ),
        (&["b", "--name", "", "--role", "admin"], "long enough to keep", "name (wrong_length)"),
        (&["b", "--name", "a", "--role", "king"], "long enough to keep", "roles (unknown_role)"),
        (&["b", "--name", "a", "--role", "admin"], "short", "password (wrong_length)"),
        (&["b", "--name", "a", "--role", "admin"], "", "password (wrong_length)"),
        (
            &["longer.name", "--name", "a", "--role", "admin"],
            "longer.name",
            "password (same_as_username)",
        ),
        (&["b", "--name", "a", "--role", "shop"], "long enough to keep", "shop_id (required)"),
        (
            &["b", "--name", "a", "--role", "admin", "--shop", shop],
            "long enough to keep",
            "shop_id (not_allowed)",
        ),
        (
            &["b", "--name", "a", "--role", "admin", "--branch", "A/B"],
            "long enough to keep",
            "branch (forbidden_character)",
        ),
    ] {
        let refused = add(&scratch, arguments, password);
        let line = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert_eq!(line.lines().count(), 1, "{arguments:?}: {line}");
        assert!(line.starts_with("chakan: ") && line.contains(said), "{arguments:?}: {line}");
    }
}
