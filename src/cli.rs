//! The command line.

use crate::config::print::Origins;
use crate::config::{Sources, Unknown};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the command line asks for.
pub struct Invocation {
    /// Where settings come from.
    pub sources: Sources,
    /// What to do with them.
    pub task: Task,
}

/// What to do.
pub enum Task {
    /// Run the broker; addresses, if any, take the place of all configured endpoints.
    Serve(Vec<SocketAddr>),
    /// Print the resolved settings.
    Print(Origins),
    /// Check the settings.
    Check,
    /// Ask a running broker whether it is ready, at this URL or where the settings say.
    HealthCheck(Option<String>),
    /// Print the JSON Schema of configuration files.
    Schema,
    /// Print the reference page.
    Docs,
}

fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("Configuration file (TOML, YAML or JSON), can be given several times; later ones win over earlier ones")
        .value_parser(value_parser!(PathBuf))
        .action(ArgAction::Append)
        .global(true);
    let set = Arg::new("set")
        .long("set")
        .value_name("KEY=VALUE")
        .help("Sets a key, for example Limits.Connections=1000; wins over files and environment")
        .action(ArgAction::Append)
        .global(true);
    let allow_unknown = Arg::new("allow-unknown")
        .long("allow-unknown")
        .help("Leaves out unknown keys with a warning, for files that a newer or another broker reads as well")
        .action(ArgAction::SetTrue)
        .global(true);
    let listen = Arg::new("listen")
        .long("listen")
        .value_name("ADDRESS:PORT")
        .help("TCP address to listen on in place of all configured endpoints, can be given several times; port 0 takes a free one")
        .value_parser(value_parser!(SocketAddr))
        .action(ArgAction::Append);
    let origin = Arg::new("origin").long("origin").help("Shows where each value comes from").action(ArgAction::SetTrue);
    let url = Arg::new("url")
        .long("url")
        .value_name("URL")
        .help("What to ask; without it, /readyz of the first HTTP endpoint of the configuration");
    let configuration = Command::new("config")
        .about("Looks at the configuration and does not run the broker")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("print").about("Prints the resolved settings, secrets masked").arg(origin))
        .subcommand(Command::new("check").about("Says what is wrong with the settings"))
        .subcommand(Command::new("schema").about("Prints the JSON Schema of configuration files"))
        .subcommand(Command::new("docs").about("Prints the reference of all keys, in Markdown"));
    Command::new("lacewing")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An MQTT broker (3.1, 3.1.1 and 5.0) that you can see through")
        .after_help(
            "Without options it listens on [::]:1883 (MQTT) and [::]:8001 (HTTP, MQTT over WebSocket at /mqtt).",
        )
        .args([config, set, allow_unknown, listen])
        .subcommand(configuration)
        .subcommand(
            Command::new("healthcheck")
                .about("Asks a running broker on this machine whether it is ready; exit code 0 or 1")
                .arg(url),
        )
}

/// Reads the process's command line. Ends the process on `--help`, `--version` and on errors, which name the argument.
pub fn read() -> Invocation {
    let mut matches = command().get_matches();
    let listen = matches.remove_many("listen").map_or_else(Vec::new, Iterator::collect);
    let (files, arguments) = (many(&matches, "config"), many(&matches, "set"));
    let task = match matches.subcommand() {
        Some(("config", config)) => match config.subcommand() {
            Some(("print", print)) if print.get_flag("origin") => Task::Print(Origins::Shown),
            Some(("print", _)) => Task::Print(Origins::Hidden),
            Some(("schema", _)) => Task::Schema,
            Some(("docs", _)) => Task::Docs,
            _ => Task::Check,
        },
        Some(("healthcheck", check)) => Task::HealthCheck(check.get_one("url").cloned()),
        _ => Task::Serve(listen),
    };
    let unknown = if deepest(&matches).get_flag("allow-unknown") { Unknown::LeftOut } else { Unknown::Refused };
    Invocation { sources: Sources { unknown, ..Sources::of_process(files, arguments) }, task }
}

/// All values of a global option, given before or behind a subcommand.
fn many<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<T> {
    deepest(matches).get_many(name).map_or_else(Vec::new, |values| values.cloned().collect())
}

/// What was matched last, which has all global options.
fn deepest(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    matches
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }
}
