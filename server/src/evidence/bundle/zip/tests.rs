use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use super::*;

/// A file of one test, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let file = format!("chakan-zip-{}-{name}.zip", std::process::id());
        Self(std::env::temp_dir().join(file))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Writes files whose bytes are given by number, and answers their members as we read them.
fn written(path: &Path, far: u64, files: &[Vec<u8>]) -> Vec<Member> {
    let mut zip = ZipWriter { far, ..ZipWriter::default() };
    let mut file = File::create(path).unwrap();
    for (n, bytes) in files.iter().enumerate() {
        file.write_all(&zip.begin(format!("照片/{n}")).unwrap()).unwrap();
        for piece in bytes.chunks(7) {
            zip.add(piece).unwrap();
            file.write_all(piece).unwrap();
        }
        file.write_all(&zip.end()).unwrap();
    }
    file.write_all(&zip.finish().unwrap()).unwrap();
    read(&mut File::open(path).unwrap()).unwrap()
}

/// Names, sizes and sums as a reader that is not ours finds them; nothing where Python is missing.
fn second_opinion(path: &Path) -> Option<String> {
    const SCRIPT: &str = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        assert z.testzip() is None\n\
        print(' '.join(f'{i.filename}:{i.file_size}:{i.header_offset}' for i in z.infolist()))";
    let output = Command::new("python3").args(["-c", SCRIPT]).arg(path).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn files_behind_the_limit_are_found_by_us_and_by_others() {
    let files: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![n; usize::from(n) * 13]).collect();
    // Nothing is far, everything is, and some of it.
    for (n, far) in [u64::from(FAR), 0, 900].into_iter().enumerate() {
        let scratch = Scratch::new(&format!("far{n}"));
        let members = written(&scratch.0, far, &files);
        assert_eq!(members.len(), files.len());
        let mut file = File::open(&scratch.0).unwrap();
        for (n, (member, bytes)) in members.iter().zip(&files).enumerate() {
            let mut found = Vec::new();
            member.open(&mut file).unwrap().read_to_end(&mut found).unwrap();
            assert_eq!((member.name.as_str(), &found), (format!("照片/{n}").as_str(), bytes));
        }
        let Some(said) = second_opinion(&scratch.0) else { return };
        let ours: Vec<_> = members
            .iter()
            .map(|m| {
                format!(
                    "{}:{}:{}",
                    m.name,
                    m.size,
                    m.offset - 30 - u64::try_from(m.name.len()).unwrap()
                )
            })
            .collect();
        assert_eq!(said, ours.join(" "), "far from {far}");
    }
}

/// The bytes are zeros that the file system need not keep, so this takes no room.
#[test]
fn more_than_four_gibibytes_are_read_back() {
    const SIZE: u64 = 1 << 30;
    let scratch = Scratch::new("large");
    let mut zip = ZipWriter::default();
    let mut file = File::create(&scratch.0).unwrap();
    for n in 0..5 {
        file.write_all(&zip.begin(n.to_string()).unwrap()).unwrap();
        // As `add` does; what the sum is does not matter here.
        if let Some(open) = &mut zip.open {
            open.size = u32::try_from(SIZE).unwrap();
        }
        zip.offset += SIZE;
        file.seek(SeekFrom::Current(i64::try_from(SIZE).unwrap())).unwrap();
        file.write_all(&zip.end()).unwrap();
    }
    file.write_all(&zip.begin("last".into()).unwrap()).unwrap();
    zip.add("最后".as_bytes()).unwrap();
    file.write_all("最后".as_bytes()).unwrap();
    file.write_all(&zip.end()).unwrap();
    file.write_all(&zip.finish().unwrap()).unwrap();
    let mut file = File::open(&scratch.0).unwrap();
    let members = read(&mut file).unwrap();
    let last = members.last().unwrap();
    assert!(members.len() == 6 && last.offset > 5 * SIZE, "{}", last.offset);
    let mut text = String::new();
    last.open(&mut file).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "最后");
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.read('last').decode(), len(z.namelist()))";
    let output = Command::new("python3").args(["-c", script]).arg(&scratch.0).output();
    if let Ok(output) = output {
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert_eq!(said, "最后 6", "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_file_that_is_cut_or_of_others_is_refused() {
    let scratch = Scratch::new("cut");
    for far in [u64::from(FAR), 0] {
        written(&scratch.0, far, &[vec![1; 50], vec![2; 60]]);
        let whole = std::fs::read(&scratch.0).unwrap();
        for cut in 1..whole.len() {
            std::fs::write(&scratch.0, &whole[..cut]).unwrap();
            assert!(read(&mut File::open(&scratch.0).unwrap()).is_err(), "{cut}");
        }
    }
}
