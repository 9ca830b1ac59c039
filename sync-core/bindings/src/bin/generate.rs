//! Writes the phone's library for another language: `uniffi-bindgen kotlin|swift|python OUT_DIR [LIBRARY]`.
//!
//! Without LIBRARY it reads the one that cargo built beside this program.

use std::{env, error::Error};

use camino::Utf8PathBuf;
use uniffi::{GenerateOptions, TargetLanguage};

/// The file name of the library on this system.
const LIBRARY: (&str, &str) = (env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (language, out_dir, library) = match arguments.as_slice() {
        [language, out_dir] => (language, out_dir, beside_this()?),
        [language, out_dir, library] => (language, out_dir, library.into()),
        _ => return Err("usage: uniffi-bindgen kotlin|swift|python OUT_DIR [LIBRARY]".into()),
    };
    let language = match language.as_str() {
        "kotlin" => TargetLanguage::Kotlin,
        "swift" => TargetLanguage::Swift,
        "python" => TargetLanguage::Python,
        other => return Err(format!("{other} is not kotlin, swift or python").into()),
    };
    let config = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("generate.toml");
    uniffi::generate(GenerateOptions {
        languages: vec![language],
        source: library,
        out_dir: out_dir.into(),
        config_override: Some(config),
        ..GenerateOptions::default()
    })?;
    Ok(())
}

/// Cargo puts the library of a program that it builds into `deps` beside it.
fn beside_this() -> Result<Utf8PathBuf, Box<dyn Error>> {
    let this = Utf8PathBuf::try_from(env::current_exe()?)?;
    let folder = this.parent().ok_or("this program stands nowhere")?;
    let name = format!("{}chakan_phone{}", LIBRARY.0, LIBRARY.1);
    let found = [folder.join("deps").join(&name), folder.join(&name)];
    let found = found.into_iter().find(|path| path.exists());
    found.ok_or_else(|| format!("no {name} beside {this}").into())
}
