//! Configuration: defaults, then a TOML file, then the environment, then flags. The only reader of
//! the environment.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tracing_subscriber::filter::Targets;

use crate::ports::travel_time::RouterKind;

/// Everything that can be set from outside, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Which database.
    pub database: Database,
    /// Where the default database, photos and generated keys live.
    pub data_dir: PathBuf,
    /// Where photo bytes are kept.
    pub blobs: BlobsPlace,
    /// Most bytes of photos and their copies in all; without one the disk decides.
    pub blobs_quota: Option<u64>,
    /// Whether the bucket itself refuses to delete originals before their time.
    pub blobs_lock: Option<ObjectLock>,
    /// Bytes of the disk that photos leave free for small records.
    pub blobs_headroom: u64,
    /// A router that is asked for driving times.
    pub router: Option<Router>,
    /// A gateway that text messages are handed to.
    pub sms: Option<SmsGateway>,
    /// Whether webhooks may lead to this machine: for trying them out.
    pub webhooks_loopback: bool,
    /// Prepared roads; `None`: `data_dir/roads.graph` if it is there.
    pub roads: Option<PathBuf>,
    /// Where signing keys are read from; `None`: `data_dir/keys`, generated when missing.
    pub keys_dir: Option<PathBuf>,
    /// How pages are reached from outside, without a trailing slash.
    pub public_url: Option<String>,
    /// Hotline shown on every customer page (C01).
    pub hotline: String,
    /// One-time codes to all numbers within an hour: what a flood of them may cost.
    pub codes_per_hour: u32,
    /// Token that `/metrics` asks for; without one it answers to this machine only.
    pub metrics_token: Option<String>,
    /// Which log lines are written: a level, or levels by target.
    pub log: Targets,
    /// Whether the demo people, shops, zones and cases are loaded.
    pub mode: Mode,
}

/// Bytes that are left free for the database unless a setting says otherwise (B4).
const HEADROOM: u64 = 64 * 1024 * 1024;
/// More codes within an hour than any branch sends on its worst day.
const CODES_PER_HOUR: u32 = 2_000;

/// A router of the operator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// Which one it is.
    pub kind: RouterKind,
    /// Where it answers, without a trailing slash.
    pub base: String,
}

impl Router {
    /// Chooses the router by the URL's scheme.
    ///
    /// # Errors
    /// For any other scheme.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let known = [("osrm+", RouterKind::Osrm), ("valhalla+", RouterKind::Valhalla)];
        let found = known.into_iter().find_map(|(prefix, kind)| {
            let base = url.strip_prefix(prefix)?.trim_end_matches('/');
            // No TLS in this build: routers stand in the operator's own network.
            base.starts_with("http://").then(|| Self { kind, base: base.to_owned() })
        });
        found.ok_or_else(|| ConfigError::Setting {
            name: "CHAKAN_ROUTER_URL",
            problem: "must be osrm+http://<host>:<port> or valhalla+http://<host>:<port>".into(),
        })
    }
}

/// A gateway for text messages of the operator's.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsGateway {
    /// Where it takes messages.
    pub url: String,
    /// What they are signed with.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for SmsGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may carry a password.
        f.write_str("SmsGateway(..)")
    }
}

/// A secret that is shorter could be guessed.
const LEAST_SECRET: usize = 24;

impl SmsGateway {
    fn read(
        url: Option<String>,
        secret: Option<String>,
        secret_file: Option<PathBuf>,
    ) -> Result<Option<Self>, ConfigError> {
        let wrong = |name: &'static str, problem: String| ConfigError::Setting { name, problem };
        let Some(url) = url else { return Ok(None) };
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if !rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) {
            let problem = "must be https://<host>/<path>, or http:// within your own network";
            return Err(wrong("CHAKAN_SMS_URL", problem.into()));
        }
        let secret = match (secret, secret_file) {
            (Some(secret), None) => secret,
            (None, Some(path)) => std::fs::read_to_string(&path).map_err(|error| {
                wrong("CHAKAN_SMS_SECRET_FILE", format!("{}: {error}", path.display()))
            })?,
            _ => {
                let problem = "with CHAKAN_SMS_URL, set this or CHAKAN_SMS_SECRET_FILE";
                return Err(wrong("CHAKAN_SMS_SECRET", problem.into()));
            }
        };
        let secret = secret.trim().as_bytes().to_vec();
        if secret.len() < LEAST_SECRET {
            let problem = format!("is too short: at least {LEAST_SECRET} characters");
            return Err(wrong("CHAKAN_SMS_SECRET", problem));
        }
        Ok(Some(Self { url, secret }))
    }
}

/// What the process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real work.
    Production,
    /// Demo people with known passwords; codes are shown on the console.
    Demo,
}

/// A database by URL scheme. Choosing by scheme, never by trying, keeps the true error visible.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of the embedded database.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

/// A place for photo bytes by URL scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobsPlace {
    /// Files below a directory; several nodes must share it.
    Files(PathBuf),
    /// Objects of an S3 bucket; region, endpoint and credentials come from the usual `AWS_` variables.
    S3 {
        /// The bucket.
        bucket: String,
        /// What the objects' names begin with; may be empty.
        prefix: String,
    },
}

/// How firmly a bucket with object lock keeps originals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectLock {
    /// Nobody can shorten it, the bucket's owner included.
    Compliance,
    /// Whoever has a special right can.
    Governance,
}

impl ObjectLock {
    fn read(text: &str, place: &BlobsPlace) -> Result<Self, ConfigError> {
        let wrong = |problem: &str| {
            Err(ConfigError::Setting { name: "CHAKAN_BLOBS_LOCK", problem: problem.into() })
        };
        match (text, place) {
            (_, BlobsPlace::Files(_)) => wrong("only s3:// buckets know object lock"),
            ("compliance", _) => Ok(Self::Compliance),
            ("governance", _) => Ok(Self::Governance),
            _ => wrong("must be compliance or governance"),
        }
    }

    /// Its name in the protocol of S3.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliance => "COMPLIANCE",
            Self::Governance => "GOVERNANCE",
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            // The URL may carry a password.
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

/// A setting that cannot be used: one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {0}: {1}")]
    File(PathBuf, String),
    /// A setting has an unusable value.
    #[error("{name}: {problem}")]
    Setting {
        /// The setting's name in the environment.
        name: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    database_url: Option<String>,
    blobs_url: Option<String>,
    blobs_lock: Option<String>,
    blobs_quota: Option<u64>,
    blobs_headroom: Option<u64>,
    router_url: Option<String>,
    sms_url: Option<String>,
    sms_secret: Option<String>,
    sms_secret_file: Option<PathBuf>,
    webhooks_loopback: Option<bool>,
    roads: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    keys_dir: Option<PathBuf>,
    public_url: Option<String>,
    hotline: Option<String>,
    codes_per_hour: Option<u32>,
    metrics_token: Option<String>,
    log: Option<String>,
}

impl Config {
    /// Reads file and environment.
    ///
    /// # Errors
    /// One line that names the setting and what is allowed.
    pub fn load(file: Option<&Path>, mode: Mode) -> Result<Self, ConfigError> {
        let environment = |name: &'static str| {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the only reader of the environment"
            )]
            std::env::var(name).ok().filter(|value| !value.is_empty())
        };
        Self::from_parts(file.map(read_file).transpose()?.unwrap_or_default(), environment, mode)
    }

    /// Reads the text of a file alone, whatever the environment says.
    ///
    /// # Errors
    /// One line that names the setting and what is allowed.
    pub fn from_text(text: &str, mode: Mode) -> Result<Self, ConfigError> {
        Self::from_parts(parse_file(Path::new("(text)"), text)?, |_| None, mode)
    }

    fn from_parts(
        file: File,
        environment: impl Fn(&'static str) -> Option<String>,
        mode: Mode,
    ) -> Result<Self, ConfigError> {
        let text = |name, from_file: Option<String>| environment(name).or(from_file);
        let path =
            |name, from_file: Option<PathBuf>| environment(name).map(PathBuf::from).or(from_file);

        let listen = text("CHAKAN_LISTEN", file.listen).unwrap_or_else(|| "127.0.0.1:8080".into());
        let listen = listen.parse().map_err(|_| ConfigError::Setting {
            name: "CHAKAN_LISTEN",
            problem: format!("{listen:?} is not an address and port such as 127.0.0.1:8080"),
        })?;
        let data_dir = path("CHAKAN_DATA_DIR", file.data_dir).unwrap_or_else(|| "./data".into());
        let database = match text("CHAKAN_DATABASE_URL", file.database_url) {
            None => Database::Sqlite(data_dir.join("chakan.db")),
            Some(url) => Database::from_url(&url)?,
        };
        let blobs = match text("CHAKAN_BLOBS_URL", file.blobs_url) {
            None => BlobsPlace::Files(data_dir.join("blobs")),
            Some(url) => BlobsPlace::from_url(&url)?,
        };
        let blobs_lock = text("CHAKAN_BLOBS_LOCK", file.blobs_lock);
        let blobs_lock = blobs_lock.map(|text| ObjectLock::read(&text, &blobs)).transpose()?;
        let bytes = |name, from_file: Option<u64>| match environment(name) {
            None => Ok(from_file),
            Some(text) => text.parse().map(Some).map_err(|_| ConfigError::Setting {
                name,
                problem: format!("{text:?} is not a number of bytes"),
            }),
        };
        let blobs_quota = bytes("CHAKAN_BLOBS_QUOTA", file.blobs_quota)?;
        let blobs_headroom = bytes("CHAKAN_BLOBS_HEADROOM", file.blobs_headroom)?;
        let router = text("CHAKAN_ROUTER_URL", file.router_url);
        let router = router.map(|url| Router::from_url(&url)).transpose()?;
        let sms = SmsGateway::read(
            text("CHAKAN_SMS_URL", file.sms_url),
            text("CHAKAN_SMS_SECRET", file.sms_secret),
            path("CHAKAN_SMS_SECRET_FILE", file.sms_secret_file),
        )?;
        let webhooks_loopback = match environment("CHAKAN_WEBHOOKS_LOOPBACK") {
            None => file.webhooks_loopback.unwrap_or(false),
            Some(text) => text.parse().map_err(|_| ConfigError::Setting {
                name: "CHAKAN_WEBHOOKS_LOOPBACK",
                problem: "must be true or false".into(),
            })?,
        };
        let codes_per_hour = match environment("CHAKAN_CODES_PER_HOUR") {
            None => file.codes_per_hour,
            Some(text) => Some(text.parse().map_err(|_| ConfigError::Setting {
                name: "CHAKAN_CODES_PER_HOUR",
                problem: format!("{text:?} is not a number of messages"),
            })?),
        };
        let log = text("CHAKAN_LOG", file.log).unwrap_or_else(|| "info,actix_server=warn".into());
        let log = log.parse().map_err(|_| ConfigError::Setting {
            name: "CHAKAN_LOG",
            problem: format!(
                "{log:?} is not a level such as info, or levels such as info,chakan=debug"
            ),
        })?;
        let config = Self {
            listen,
            database,
            roads: path("CHAKAN_ROADS", file.roads),
            data_dir,
            blobs,
            blobs_lock,
            blobs_quota,
            blobs_headroom: blobs_headroom.unwrap_or(HEADROOM),
            router,
            sms,
            webhooks_loopback,
            keys_dir: path("CHAKAN_KEYS_DIR", file.keys_dir),
            public_url: text("CHAKAN_PUBLIC_URL", file.public_url)
                .map(|url| url.trim_end_matches('/').to_owned()),
            hotline: text("CHAKAN_HOTLINE", file.hotline).unwrap_or_else(|| "95500".into()),
            codes_per_hour: codes_per_hour.unwrap_or(CODES_PER_HOUR),
            metrics_token: text("CHAKAN_METRICS_TOKEN", file.metrics_token),
            log,
            mode,
        };
        config.check()
    }

    /// What the links in messages begin with: how people outside reach this server.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// The prepared roads, if there are any.
    #[must_use]
    pub fn roads_file(&self) -> Option<PathBuf> {
        let usual = self.data_dir.join("roads.graph");
        self.roads.clone().or_else(|| usual.exists().then_some(usual))
    }

    fn check(self) -> Result<Self, ConfigError> {
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            return Err(ConfigError::Setting {
                name: "CHAKAN_PUBLIC_URL",
                problem: "must start with https:// or http://".into(),
            });
        }
        Ok(self)
    }

    /// The settings, if what signs with the installation's keys can rely on them. Several nodes must
    /// share keys, so a key generated on one of them would be wrong.
    ///
    /// # Errors
    /// With PostgreSQL, when no directory of keys is named.
    pub fn with_keys(self) -> Result<Self, ConfigError> {
        if matches!(self.database, Database::Postgres(_)) && self.keys_dir.is_none() {
            return Err(ConfigError::Setting {
                name: "CHAKAN_KEYS_DIR",
                problem:
                    "with a PostgreSQL database, name the directory that holds the signing keys"
                        .into(),
            });
        }
        Ok(self)
    }
}

impl Database {
    /// Chooses the engine by the URL's scheme.
    ///
    /// # Errors
    /// For any other scheme.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            Ok(Self::Sqlite(path.into()))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self::Postgres(url.to_owned()))
        } else {
            Err(ConfigError::Setting {
                name: "CHAKAN_DATABASE_URL",
                problem: "must be sqlite://<file> or postgres://<user>@<host>/<database>".into(),
            })
        }
    }
}

impl BlobsPlace {
    /// Chooses the store by the URL's scheme.
    ///
    /// # Errors
    /// For any other scheme, and for S3 in a build without it.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let wrong = |problem: &str| {
            Err(ConfigError::Setting { name: "CHAKAN_BLOBS_URL", problem: problem.into() })
        };
        if let Some(path) = url.strip_prefix("file://").filter(|path| !path.is_empty()) {
            return Ok(Self::Files(path.into()));
        }
        let Some(rest) = url.strip_prefix("s3://") else {
            return wrong("must be file://<directory> or s3://<bucket>/<prefix>");
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return wrong("names no bucket; write s3://<bucket>/<prefix>");
        }
        if cfg!(not(feature = "s3")) {
            return wrong("this build has no S3; build with --features s3");
        }
        Ok(Self::S3 { bucket: bucket.into(), prefix: prefix.trim_matches('/').into() })
    }
}

fn read_file(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::File(path.to_owned(), error.to_string()))?;
    parse_file(path, &text)
}

fn parse_file(path: &Path, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        // A TOML error spans lines; operators get one.
        let problem = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        ConfigError::File(path.to_owned(), problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, environment: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
        let file =
            toml::from_str(toml).map_err(|e| ConfigError::File("t".into(), e.to_string()))?;
        let find = |name| {
            environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_parts(file, find, Mode::Production)
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = load("listen = '127.0.0.1:1'", &[("CHAKAN_LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.database, Database::Sqlite("./data/chakan.db".into()));
    }

    #[test]
    fn a_gateway_has_an_address_and_one_secret_that_is_not_shown() {
        const URL: (&str, &str) = ("CHAKAN_SMS_URL", "https://sms.example/send");
        const SECRET: (&str, &str) = ("CHAKAN_SMS_SECRET", "0123456789abcdef01234567");
        let config = load("", &[URL, SECRET]).unwrap();
        let sms = config.sms.clone().unwrap();
        assert_eq!(sms.secret, SECRET.1.as_bytes());
        let shown = format!("{config:?}");
        assert!(!shown.contains(SECRET.1) && !shown.contains("sms.example"), "{shown}");
        assert_eq!(load("", &[SECRET]).unwrap().sms, None);
        let file = std::env::temp_dir().join(format!("chakan-sms-{}", std::process::id()));
        std::fs::write(&file, format!("{}\n", SECRET.1)).unwrap();
        let path = file.to_str().unwrap().to_owned();
        let from_file = load("", &[URL, ("CHAKAN_SMS_SECRET_FILE", &path)]).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(from_file.sms, Some(sms));
        for (settings, named) in [
            (vec![URL], "CHAKAN_SMS_SECRET"),
            (vec![URL, ("CHAKAN_SMS_SECRET", "short")], "CHAKAN_SMS_SECRET"),
            (vec![URL, SECRET, ("CHAKAN_SMS_SECRET_FILE", &path)], "CHAKAN_SMS_SECRET"),
            (vec![URL, ("CHAKAN_SMS_SECRET_FILE", &path)], "CHAKAN_SMS_SECRET_FILE"),
            (vec![("CHAKAN_SMS_URL", "sms.example"), SECRET], "CHAKAN_SMS_URL"),
            (vec![("CHAKAN_SMS_URL", "https:///x"), SECRET], "CHAKAN_SMS_URL"),
            (vec![("CHAKAN_WEBHOOKS_LOOPBACK", "yes")], "CHAKAN_WEBHOOKS_LOOPBACK"),
        ] {
            let fault = load("", &settings).unwrap_err().to_string();
            assert!(fault.starts_with(&format!("{named}: ")), "{fault}");
            assert!(!fault.contains(SECRET.1), "{fault}");
        }
        assert!(load("webhooks_loopback = true", &[]).unwrap().webhooks_loopback);
    }

    #[test]
    fn a_router_is_chosen_by_scheme() {
        let router = |url| load("", &[("CHAKAN_ROUTER_URL", url)]).unwrap().router.unwrap();
        let found = router("osrm+http://127.0.0.1:5000/");
        assert_eq!(found, Router { kind: RouterKind::Osrm, base: "http://127.0.0.1:5000".into() });
        assert_eq!(router("valhalla+http://v:8002").kind, RouterKind::Valhalla);
        assert_eq!(load("", &[]).unwrap().router, None);
    }

    #[test]
    fn photo_bytes_have_a_place_of_their_own() {
        let place = |url| load("", &[("CHAKAN_BLOBS_URL", url)]).map(|config| config.blobs);
        assert_eq!(load("", &[]).unwrap().blobs, BlobsPlace::Files("./data/blobs".into()));
        assert_eq!(place("file:///srv/photos").unwrap(), BlobsPlace::Files("/srv/photos".into()));
        let s3 = |bucket: &str, prefix: &str| BlobsPlace::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        };
        if cfg!(feature = "s3") {
            assert_eq!(place("s3://claims").unwrap(), s3("claims", ""));
            assert_eq!(place("s3://claims/a/b/").unwrap(), s3("claims", "a/b"));
        } else {
            assert!(place("s3://claims").unwrap_err().to_string().contains("--features s3"));
        }
    }

    #[test]
    fn the_store_has_room_for_small_records_and_a_limit_if_one_is_set() {
        let usual = load("", &[]).unwrap();
        assert_eq!((usual.blobs_quota, usual.blobs_headroom), (None, HEADROOM));
        let set = load("blobs_quota = 7", &[("CHAKAN_BLOBS_HEADROOM", "5")]).unwrap();
        assert_eq!((set.blobs_quota, set.blobs_headroom), (Some(7), 5));
    }

    #[test]
    fn each_wrong_setting_is_named_in_one_line() {
        for (toml, environment, named) in [
            ("", vec![("CHAKAN_LISTEN", "here")], "CHAKAN_LISTEN"),
            ("", vec![("CHAKAN_DATABASE_URL", "mysql://x")], "CHAKAN_DATABASE_URL"),
            ("", vec![("CHAKAN_DATABASE_URL", "sqlite://")], "CHAKAN_DATABASE_URL"),
            ("", vec![("CHAKAN_DATABASE_URL", "postgres://u@h/d")], "CHAKAN_KEYS_DIR"),
            ("", vec![("CHAKAN_BLOBS_URL", "ftp://x")], "CHAKAN_BLOBS_URL"),
            ("", vec![("CHAKAN_BLOBS_LOCK", "compliance")], "CHAKAN_BLOBS_LOCK"),
            ("", vec![("CHAKAN_BLOBS_QUOTA", "much")], "CHAKAN_BLOBS_QUOTA"),
            ("", vec![("CHAKAN_BLOBS_HEADROOM", "-1")], "CHAKAN_BLOBS_HEADROOM"),
            ("", vec![("CHAKAN_ROUTER_URL", "http://x:5000")], "CHAKAN_ROUTER_URL"),
            ("", vec![("CHAKAN_ROUTER_URL", "osrm+https://x")], "CHAKAN_ROUTER_URL"),
            ("", vec![("CHAKAN_BLOBS_URL", "s3:///prefix")], "CHAKAN_BLOBS_URL"),
            ("", vec![("CHAKAN_PUBLIC_URL", "example.org")], "CHAKAN_PUBLIC_URL"),
            ("", vec![("CHAKAN_LOG", "chakan=loud")], "CHAKAN_LOG"),
            ("lisen = '127.0.0.1:1'", vec![], "lisen"),
        ] {
            let error =
                load(toml, &environment).and_then(Config::with_keys).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
