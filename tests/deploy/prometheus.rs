//! A running Prometheus with the configuration and the rules of `deploy/`.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{BOUND, child::Process, folder::Folder, read};

/// A Prometheus that scrapes one broker once a second. It ends with this value.
pub struct Prometheus {
    address: SocketAddr,
    _process: Process,
    _folder: Folder,
}

impl Prometheus {
    /// Starts it and waits until it has scraped `target`.
    pub fn start(program: &Path, target: SocketAddr) -> Self {
        let folder = Folder::new();
        let config = read("prometheus/prometheus.yml");
        for part in ["lacewing:8001", "_interval: 15s"] {
            assert!(config.contains(part), "no {part} in prometheus.yml");
        }
        let config = config.replace("lacewing:8001", &target.to_string()).replace("_interval: 15s", "_interval: 1s");
        let file = folder.write("prometheus.yml", config);
        fs::create_dir(folder.join("rules")).expect("the folder is new");
        folder.write("rules/lacewing.yml", read("prometheus/rules/lacewing.yml"));
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error");
        let this = Self { address, _process: Process::spawn(command), _folder: folder };
        until(|| this.values("up").is_ok_and(|values| values == [1.0]), "the broker is scraped");
        this
    }

    /// The values that a query gives now, those that are not numbers aside.
    pub fn values(&self, query: &str) -> Result<Vec<f64>, String> {
        let answer = self.get(&format!("query?query={}", escaped(query))).map_err(|error| error.to_string())?;
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        let results = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let value = |result: &Value| result["value"][1].as_str()?.parse().ok().filter(|value: &f64| !value.is_nan());
        Ok(results.iter().filter_map(value).collect())
    }

    /// Waits until it has scraped everything that has happened so far, and evaluated the rules over it.
    pub fn catch_up(&self) {
        let scrapes = || self.values("count_over_time(up[1h])").ok()?.first().copied();
        let before = scrapes().expect("the broker was scraped");
        // The next one may be under way, and rules are not evaluated at the moment of a scrape.
        until(|| scrapes() >= Some(before + 3.0), "the broker is scraped again");
    }

    /// Its rules: name and health.
    pub fn rules(&self) -> Vec<(String, String)> {
        let answer = self.get("rules").expect("it answers");
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().filter_map(|group| group["rules"].as_array()).flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rules.map(|rule| (text(&rule["name"]), text(&rule["health"]))).collect()
    }

    /// HTTP/1.0: the answer comes in one piece and ends with the connection.
    fn get(&self, what: &str) -> io::Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(BOUND))?;
        write!(stream, "GET /api/v1/{what} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(serde_json::from_str(body)?)
    }
}

/// Every byte as `%XX`.
fn escaped(query: &str) -> String {
    query.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

/// Waits for what is to become true without being told.
#[track_caller]
pub fn until(mut holds: impl FnMut() -> bool, what: &str) {
    let end = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < end, "not within {BOUND:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
