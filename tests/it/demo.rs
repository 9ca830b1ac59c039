//! The demo's story ends well on both databases: every promise that it plays through is kept.

use tests::{Cluster, Safety, Scratch, binary};

fn tell(settings: &[(&str, &str)]) {
    let scratch = Scratch::new("demo");
    let mut demo = binary::chakan(&["demo"], settings);
    let output = demo.current_dir(scratch.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{why}");
    assert!(said.trim_end().ends_with("Everything was as expected."), "{said}");
    let left = std::fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(left, 0, "the story leaves nothing behind");
}

#[test]
fn the_demo_tells_its_story_to_the_end_on_sqlite() {
    tell(&[("CHAKAN_LOG", "warn")]);
}

#[test]
fn the_demo_tells_its_story_to_the_end_on_postgres() {
    let Some(cluster) = Cluster::start(Safety::Fast) else { return };
    let url = cluster.url(&cluster.create_database());
    tell(&[("CHAKAN_LOG", "warn"), ("CHAKAN_DATABASE_URL", &url)]);
}
