//! The command line.

use clap::{Arg, ArgAction, Command, value_parser};
use mqtt_server::Options;
use std::net::SocketAddr;

fn command() -> Command {
    Command::new("lacewing")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An MQTT broker (3.1, 3.1.1 and 5.0) that you can see through")
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS:PORT")
                .help("Address to listen on, can be given several times; port 0 takes a free one [default: [::]:1883]")
                .value_parser(value_parser!(SocketAddr))
                .action(ArgAction::Append),
        )
}

/// What the command line asks for. Ends the process on `--help`, `--version` and on errors, which name the argument.
pub fn options() -> Options {
    let mut options = Options::default();
    if let Some(addresses) = command().get_matches().remove_many("listen") {
        options.addresses = addresses.collect();
    }
    options
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }
}
