//! `cargo xtask bench`: lacewing beside mosquitto under the same load.
//!
//! Brokers take turns, each run against a fresh process on a free port, so that what disturbs the machine disturbs both.
//! The process fails when a bar is missed or our broker lost anything. Nothing is sent beyond loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;

use crate::certificate::Certificate;
use crate::client::{Carrier, Door};
use crate::contender::{Contender, Listening, PEER_VERSION};
use crate::figures::Samples;
use crate::generator::Generator;
use crate::machine::Machine;
use crate::pairs::{self, Qos, Way};
use crate::process::{Broker, free_port};
use crate::report::{Conditions, Report};
use crate::scenario::{Connections, Launch, Load, Peer, SCENARIOS, Scenario, chosen};
use crate::{http2_load, tls_load, workspace};

/// After a run that opened tens of thousands of connections.
const PAUSE: Duration = Duration::from_secs(4);
/// What the idle scenario needs on each side.
const OPEN_FILES_NEEDED: u64 = 19_200;

#[derive(Args)]
pub struct Options {
    /// Rounds; the figures are medians over them
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Run only these scenarios
    #[arg(long = "scenario", value_name = "NAME", num_args = 1..)]
    scenarios: Vec<String>,
    /// Write docs/performance.md
    #[arg(long, conflicts_with_all = ["scenarios", "ours"])]
    write: bool,
    /// One round of one second: for a glance, not for a claim
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Name the scenarios and end
    #[arg(long)]
    list: bool,
    /// The cargo project of the load generator [default: LACEWING_MQLOAD, then ../shared/tools/mqload]
    #[arg(long, value_name = "DIR")]
    mqload: Option<PathBuf>,
    /// Another broker in the place of ours; {port} stands for the port
    #[arg(long, value_name = "CMD", hide = true)]
    ours: Option<String>,
}

/// How long and how often.
struct Pace {
    rounds: usize,
    seconds: f64,
    warmup: f64,
}

impl Pace {
    fn of(options: &Options) -> Self {
        if options.quick {
            Self { rounds: 1, seconds: 1.0, warmup: 0.3 }
        } else {
            Self { rounds: usize::from(options.rounds), seconds: 2.0, warmup: 0.5 }
        }
    }
}

/// What every run needs.
struct Bench {
    generator: Generator,
    certificate: Certificate,
    folder: PathBuf,
    pace: Pace,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        SCENARIOS.iter().for_each(|scenario| println!("{:14} {}", scenario.name, scenario.title));
        return Ok(ExitCode::SUCCESS);
    }
    let Ok(mut scenarios) = chosen(&options.scenarios).map_err(|name| eprintln!("xtask: there is no scenario {name}"))
    else {
        bail!("`cargo xtask bench --list` names the scenarios");
    };
    if options.ours.is_some() {
        scenarios.retain(|scenario| scenario.load.is_mqload());
    }
    raise_open_files();
    let generator = Generator::build(options.mqload.as_deref())?;
    let theirs = Contender::mosquitto()?;
    let ours = options.ours.as_deref().map_or_else(Contender::lacewing, Contender::custom)?;
    warn_of_another_peer(&theirs);

    let folder = workspace::target_dir()?.join(format!("bench-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let certificate = Certificate::new(&folder)?;
    let bench = Bench { generator, certificate, folder, pace: Pace::of(options) };
    let report = bench.compare(&scenarios, &ours, &theirs);
    fs::remove_dir_all(&bench.folder).with_context(|| format!("{}", bench.folder.display()))?;

    println!("{}", report.table());
    if options.write {
        let conditions = Conditions {
            rounds: bench.pace.rounds,
            seconds: bench.pace.seconds,
            lacewing: ours.version(),
            mosquitto: theirs.version(),
        };
        write_page(&report.page(&Machine::this(), &conditions))?;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench {
    fn compare(&self, scenarios: &[&'static Scenario], ours: &Contender, theirs: &Contender) -> Report {
        let mut report = Report::default();
        for scenario in scenarios {
            let (mut our_samples, mut their_samples) = (Samples::default(), Samples::default());
            for round in 1..=self.pace.rounds {
                let (peer, peer_load) = match scenario.peer {
                    Peer::Mosquitto => (theirs, scenario.load),
                    Peer::Ours(load, _) => (ours, load),
                };
                for (contender, load, samples) in
                    [(ours, scenario.load, &mut our_samples), (peer, peer_load, &mut their_samples)]
                {
                    eprintln!("xtask: {}, round {round}: {}", scenario.name, contender.name());
                    samples.push(self.measure(scenario.launch, load, contender));
                    if scenario.connections == Connections::TensOfThousands {
                        thread::sleep(PAUSE);
                    }
                }
            }
            report.push(scenario, &our_samples, &their_samples);
        }
        report
    }

    /// One run of a load against a fresh broker.
    fn measure(&self, launch: Launch, load: Load, contender: &Contender) -> Result<Value> {
        let port = free_port()?;
        let command_line = contender.command_line(self.listening(load), port, &self.folder)?;
        if launch == Launch::Generator {
            let mut args = self.arguments(load, port);
            args.push("--".into());
            args.extend(command_line);
            return self.generator.run(&args);
        }
        let broker = Broker::start(&command_line, port, &self.folder)?;
        let figures = self.load(load, port, &broker);
        // A broker that died says more than a load that met nobody.
        broker.stop()?;
        figures
    }

    fn load(&self, load: Load, port: u16, broker: &Broker) -> Result<Value> {
        match load {
            Load::Mqload(_) | Load::Traced(_) => {
                let mut args = self.arguments(load, port);
                args.extend(["--pid".into(), broker.id().to_string()]);
                self.generator.run(&args)
            }
            Load::Idle(carrier, count) => tls_load::idle(&self.door(carrier, port), broker.id(), count),
            Load::Handshakes(carrier) => {
                let [warmup, duration] = self.times();
                tls_load::handshakes(&self.door(carrier, port), broker.id(), warmup, duration)
            }
            Load::IdleHttp2(count) => http2_load::idle(loopback(port), broker.id(), count),
            Load::PairsTls(qos) => self.pairs(&Way::Tls(loopback(port), self.certificate.client.clone()), qos, broker),
            Load::PairsQuic(qos) => self.pairs(&Way::Quic(loopback(port), self.certificate.quic()?), qos, broker),
        }
    }

    fn pairs(&self, way: &Way, qos: Qos, broker: &Broker) -> Result<Value> {
        let [warmup, duration] = self.times();
        pairs::run(way, qos, broker.id(), warmup, duration)
    }

    /// Before a measurement, and of it.
    fn times(&self) -> [Duration; 2] {
        [self.pace.warmup, self.pace.seconds].map(Duration::from_secs_f64)
    }

    fn listening(&self, load: Load) -> Listening<'_> {
        match load {
            Load::Mqload(_) => Listening::Tcp,
            Load::Traced(_) => Listening::Traced,
            Load::PairsTls(_) | Load::Idle(Carrier::Tls, _) | Load::Handshakes(Carrier::Tls) => {
                Listening::Tls(&self.certificate)
            }
            Load::IdleHttp2(_) | Load::Idle(Carrier::WebSocket, _) | Load::Handshakes(Carrier::WebSocket) => {
                Listening::WebSocket
            }
            Load::PairsQuic(_) => Listening::Quic(&self.certificate),
        }
    }

    fn door(&self, carrier: Carrier, port: u16) -> Door {
        let address = loopback(port);
        match carrier {
            Carrier::Tls => Door::Tls(address, self.certificate.client.clone()),
            Carrier::WebSocket => Door::WebSocket(address),
        }
    }

    /// mqload's arguments; there are none for a load that is not mqload's.
    fn arguments(&self, load: Load, port: u16) -> Vec<String> {
        let Some([scenario, options @ ..]) = load.arguments() else { return Vec::new() };
        let mut args: Vec<String> = vec![(*scenario).into(), "--json".into(), "--port".into(), port.to_string()];
        args.extend(["--duration".into(), self.pace.seconds.to_string()]);
        args.extend(["--warmup".into(), self.pace.warmup.to_string()]);
        // Last, because of an option given twice mqload takes the second.
        args.extend(options.iter().map(|&arg| arg.to_owned()));
        args
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Brokers inherit the limit of open files; the soft one is often 1024.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("xtask: the limit of open files stays as it is: {error}");
    }
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|&files| files < OPEN_FILES_NEEDED) {
        eprintln!(
            "xtask: only {files} open files are allowed, the scenario idle needs {OPEN_FILES_NEEDED} (ulimit -n)"
        );
    }
}

fn warn_of_another_peer(peer: &Contender) {
    let version = peer.version();
    if version != PEER_VERSION {
        eprintln!("xtask: this is mosquitto {version}; the bars are for {PEER_VERSION}");
    }
}

fn write_page(page: &str) -> Result<()> {
    let file: &Path = &workspace::root().join("docs/performance.md");
    fs::write(file, page).with_context(|| format!("{}", file.display()))?;
    eprintln!("xtask: docs/performance.md is written");
    Ok(())
}
