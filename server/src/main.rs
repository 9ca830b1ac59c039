//! The `chakan` command.

use std::{
    io::{BufRead, Read},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use server::{
    agreement,
    config::{Config, Mode},
    db::migrate,
    demo,
    error::ApiError,
    evidence::verify::{self, PublicKeys, Unproven},
    identity, imaging, openapi,
    ports::{Ports, blobs, clock, ids, notifier, post, travel_time},
    startup::{self, StartFault},
};
use sync_core::ids::ShopId;

/// More than any allowed password takes.
const MOST_PASSWORD_BYTES: u64 = 4_096;

/// Chakan (查勘): motor-claims survey backend
#[derive(Parser)]
#[command(name = "chakan", version)]
struct Arguments {
    /// TOML file with settings; the environment (CHAKAN_...) wins over it
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve {
        /// Load demo people, shops, zones and cases, and show one-time codes on the console
        #[arg(long)]
        demo: bool,
    },
    /// Bring the database's schema up to date
    Migrate,
    /// Tell the whole story: run the server on a free port and drive it over HTTP
    Demo,
    /// Print the OpenAPI document
    Openapi,
    /// People who can log in
    #[command(subcommand)]
    User(UserCommand),
    /// Roads for driving times
    #[command(subcommand)]
    Roads(RoadsCommand),
    /// Read a photo from standard input and write its copies, within fixed limits
    #[command(hide = true)]
    ImageWorker {
        /// What is asked for, as JSON
        ask: String,
    },
    /// Prove receipts and evidence, offline and with public keys alone
    #[command(subcommand)]
    Verify(VerifyCommand),
}

#[derive(Subcommand)]
enum VerifyCommand {
    /// Verify the receipt of a photo, or of all photos of a case
    Receipt {
        /// The receipt as the server answered it, as a JSON file
        receipt: PathBuf,
        /// The public keys, as /.well-known/seal-keys.json answers them
        #[arg(long)]
        keys: PathBuf,
    },
    /// Verify an agreement bundle: sheet, printed document, signature and seal belong together
    Agreement {
        /// The bundle as the customer or the server downloaded it
        bundle: PathBuf,
        /// The public keys, as /.well-known/seal-keys.json answers them
        #[arg(long)]
        keys: PathBuf,
    },
    /// Verify the evidence of a case and its chain of custody; names the first bad entry
    Evidence {
        /// The exported bundle, or its custody log
        bundle: PathBuf,
        /// The public keys, as /.well-known/seal-keys.json answers them
        #[arg(long)]
        keys: PathBuf,
    },
}

#[derive(Subcommand)]
enum RoadsCommand {
    /// Prepare the roads of an OpenStreetMap extract; a running server reads them at its next start
    Import {
        /// The extract, file.osm.pbf
        extract: PathBuf,
        /// Where to write them; in the data directory if absent
        #[arg(long)]
        to: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add a person; the password is read from the first line of standard input
    Add {
        /// User name, for example wang.li
        username: String,
        /// Name shown to colleagues and customers
        #[arg(long)]
        name: String,
        /// Roles, separated by commas
        #[arg(long, value_delimiter = ',', required = true)]
        role: Vec<String>,
        /// Code of the branch; made at the top of the tree if there is none yet
        #[arg(long, default_value = "head")]
        branch: String,
        /// Staff number shown to customers
        #[arg(long)]
        staff_no: Option<String>,
        /// Id of the repair shop, for the role shop
        #[arg(long)]
        shop: Option<ShopId>,
    },
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(&fault.0);
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), StartFault> {
    let load = |mode| {
        Config::load(arguments.config.as_deref(), mode)
            .map_err(|error| StartFault(error.to_string()))
    };
    let load_with_keys =
        |mode| load(mode)?.with_keys().map_err(|error| StartFault(error.to_string()));
    match arguments.command {
        Command::Serve { demo } => {
            serve(load_with_keys(if demo { Mode::Demo } else { Mode::Production })?)
        }
        Command::Migrate => {
            let done = migrate::run(&load(Mode::Production)?.database)
                .map_err(|error| StartFault(format!("CHAKAN_DATABASE_URL: {error}")))?;
            say(&format!("{} migrations run", done.len()));
            Ok(())
        }
        Command::Demo => {
            let config = load(Mode::Demo)?;
            demo::tell_story(config, ports, &mut |line| say(line))
                .map_err(|fault| StartFault(fault.0))?;
            say("\nEverything was as expected.");
            Ok(())
        }
        Command::Openapi => {
            say(&openapi::document()
                .to_pretty_json()
                .map_err(|error| StartFault(error.to_string()))?);
            Ok(())
        }
        Command::ImageWorker { ask } => imaging::run_worker(&ask).map_err(StartFault),
        Command::Verify(command) => {
            say(&prove(&command).map_err(|unproven| StartFault(unproven.0))?);
            Ok(())
        }
        Command::Roads(RoadsCommand::Import { extract, to }) => {
            let config = load(Mode::Production)?;
            let usual =
                || config.roads.clone().unwrap_or_else(|| config.data_dir.join("roads.graph"));
            let to = to.unwrap_or_else(usual);
            let imported = travel_time::import(&extract, &to)
                .map_err(|fault| StartFault(format!("{}: {fault}", extract.display())))?;
            say(&format!(
                "{} nodes, {} pieces of road: {}",
                imported.nodes,
                imported.edges,
                to.display()
            ));
            Ok(())
        }
        Command::User(UserCommand::Add { username, name, role, branch, staff_no, shop }) => {
            let app = startup::assemble_for_command(load_with_keys(Mode::Production)?, ports)?;
            let mut password = String::new();
            std::io::stdin()
                .lock()
                .take(MOST_PASSWORD_BYTES)
                .read_line(&mut password)
                .map_err(|error| StartFault(format!("the password: {error}")))?;
            let person = identity::AddPerson {
                username,
                name,
                roles: role,
                branch_code: branch,
                staff_no,
                shop,
            };
            identity::add_person(&app, person, password.trim_end_matches(['\r', '\n']))
                .map_err(|error| StartFault(one_line(&error)))?;
            say("added");
            Ok(())
        }
    }
}

fn prove(command: &VerifyCommand) -> Result<String, Unproven> {
    match command {
        VerifyCommand::Receipt { receipt, keys } => {
            verify::receipt(receipt, &PublicKeys::read(keys)?)
        }
        VerifyCommand::Agreement { bundle, keys } => {
            agreement::verify::agreement(bundle, &PublicKeys::read(keys)?)
        }
        VerifyCommand::Evidence { bundle, keys } => {
            verify::evidence(bundle, &PublicKeys::read(keys)?)
        }
    }
}

/// A refusal as one line: each field with what is allowed.
fn one_line(error: &ApiError) -> String {
    let problem = error.problem();
    if problem.errors.is_empty() {
        return problem.detail.unwrap_or(problem.title);
    }
    let fields =
        problem.errors.into_iter().map(|e| format!("{} ({}): {}", e.field, e.code, e.message));
    fields.collect::<Vec<_>>().join("; ")
}

fn serve(config: Config) -> Result<(), StartFault> {
    log_to_stderr(&config);
    let ports = ports(&config)?;
    let mode = config.mode;
    actix_web::rt::System::new().block_on(async move {
        let running = startup::build(config, ports).await?;
        let address = running.address();
        say(&format!("Chakan listens on http://{address}\nAPI reference: http://{address}/docs/"));
        if mode == Mode::Demo {
            say(&demo::log_ins());
            std::thread::spawn(move || match demo::fill(address) {
                Ok(()) => say("Demo cases are loaded."),
                Err(fault) => complain(&format!("demo cases could not be loaded: {fault}")),
            });
        }
        running.run_until_stopped().await.map_err(|error| StartFault(error.to_string()))
    })
}

fn ports(config: &Config) -> Result<Ports, StartFault> {
    let calibration = Arc::new(travel_time::Calibration::default());
    Ok(Ports {
        clock: Arc::new(clock::SystemClock),
        ids: Arc::new(ids::SystemIds),
        notifier: match (&config.sms, config.mode) {
            (Some(sms), _) => Arc::new(notifier::HttpGateway::new(
                sms.url.clone(),
                sms.secret.clone(),
                Arc::new(post::HttpPost::to_operators_own()),
                Arc::new(clock::SystemClock),
            )),
            (None, Mode::Demo) => Arc::new(notifier::ConsoleNotifier),
            (None, Mode::Production) => Arc::new(notifier::NoGateway),
        },
        post: Arc::new(post::HttpPost::to_strangers(config.webhooks_loopback)),
        blobs: blobs::open(config)
            .map_err(|error| StartFault(format!("CHAKAN_BLOBS_URL: {error}")))?,
        travel_time: travel_time::open(
            config.router.as_ref(),
            config.roads_file().as_deref(),
            calibration.clone(),
        )
        .map_err(|error| StartFault(format!("CHAKAN_ROADS: {error}")))?,
        calibration,
        imaging: Arc::new(
            imaging::ProcessImaging::of_this_program()
                .map_err(|error| StartFault(format!("the image worker: {error}")))?,
        ),
    })
}

fn log_to_stderr(config: &Config) {
    use tracing_subscriber::{fmt, layer::SubscriberExt, util::SubscriberInitExt};
    let lines = fmt::layer().json().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines).with(config.log.clone()).init();
}

#[expect(clippy::print_stdout, reason = "this is the command line")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn complain(text: &str) {
    eprintln!("chakan: {text}");
}
