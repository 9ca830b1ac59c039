//! Everything of a large case as one file.

use std::{fs::File, io::Write, process::Command, time::Instant};

use tests::{Engine, Scratch, TestApp};

use super::{
    forget_peak, peak_mib, setting,
    uploads::{declared_as, facts, put_streaming},
};

pub fn beyond_four_gibibytes() {
    const SIZE: usize = 25_000_000;
    let megabytes = setting("CHAKAN_BENCH_BUNDLE_MB", 4_400);
    let count = u32::try_from(megabytes * 1_000_000 / SIZE).expect("few");
    let app = TestApp::start(Engine::Sqlite).expect("SQLite is everywhere");
    let photos: Vec<_> = (0..count).map(|n| facts(n, SIZE)).collect();
    let (case, surveyor) = declared_as(&app, &photos);
    for (number, (hash, size)) in (0..count).zip(&photos) {
        let path = format!("/cases/{case}/blobs/{hash}");
        put_streaming(app.address(), &surveyor.token(), &path, number, *size);
    }
    let manager = app.person(server::auth::policy::Role::Manager);
    let scratch = Scratch::new("bundle");
    let path = scratch.path().join("evidence.zip");
    forget_peak();
    let (before, began) = (peak_mib(), Instant::now());
    let url = format!("http://{}/api/v1/cases/{case}/evidence.zip", app.address());
    let bearer = format!("Bearer {}", manager.token());
    let answer = ureq::get(&url).header("authorization", &bearer).call().expect("an answer");
    let mut file = File::create(&path).expect("a file");
    let mut body = answer.into_body().into_reader();
    let length = std::io::copy(&mut body, &mut file).expect("all of it");
    file.flush().expect("room");
    println!(
        "{count} photos as one ZIP file of {:.2} GiB: {:.0} MB/s, peak memory {} MiB ({before} MiB before)",
        length as f64 / f64::from(1 << 30),
        length as f64 / 1e6 / began.elapsed().as_secs_f64(),
        peak_mib(),
    );
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(len(z.namelist()))";
    match Command::new("python3").args(["-c", script]).arg(&path).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            assert_eq!(
                said,
                (count + 3).to_string(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            println!("Python reads {said} files from it, every sum is right");
        }
        Err(_) => println!("Python is not here to read it back"),
    }
}
