//! `/metrics`, as Prometheus reads it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    child::Process,
    folder::Folder,
    http::{ask, get},
    mqtt::{self, ACCEPTED, Level},
    probes::start,
    tools, until,
};

/// A program of Prometheus; where it is not there, says so.
fn program_of_prometheus(name: &str) -> Option<PathBuf> {
    let unpacked = tools::tool_folder("LACEWING_TEST_PROMETHEUS", "prometheus").join("usr/bin").join(name);
    let program = if unpacked.is_file() { unpacked } else { name.into() };
    let there = Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        tools::skip(&format!("{name} is not installed (LACEWING_TEST_PROMETHEUS)"));
    }
    there.then_some(program)
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or_else(|| panic!("no {series} in {text}"))
}

#[test]
fn the_numbers_are_those_of_the_broker_and_of_its_process() {
    let folder = Folder::new();
    let program = start(&folder, &[]);
    let address = program.address("http");
    let mut client = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut client, &mqtt::connect(Level::V5, None)), ACCEPTED);
    let answer = get(address, "/metrics");
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = &answer.body;
    assert_eq!(value(text, "mqtt_server_packets_rx_total{mqtt_packet_type=\"CONNECT\"}"), 1.0);
    assert_eq!(value(text, "mqtt_server_clients_online"), 1.0);
    assert!(value(text, "process_memory_usage_bytes") > 1e6);
    assert!(value(text, "process_open_file_descriptor_count") > 3.0);
    assert!(value(text, "process_cpu_time_seconds_total{cpu_mode=\"user\"}") >= 0.0);
    assert!(text.contains(concat!("mqtt_server_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\",revision=")));

    let open = ask(address, "GET", "/metrics", "Accept: application/openmetrics-text\r\n").expect("an answer");
    assert_eq!(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.body.ends_with("\n# EOF\n"), "{}", open.body);
}

#[test]
fn promtool_finds_nothing_to_blame() {
    let Some(promtool) = program_of_prometheus("promtool") else { return };
    let folder = Folder::new();
    let program = start(&folder, &[]);
    let mut promtool = Process::spawn({
        let mut command = Command::new(promtool);
        command.args(["check", "metrics"]);
        command
    });
    promtool.write_all(get(program.address("http"), "/metrics").body.as_bytes());
    let mut said = promtool.rest_of_stderr();
    // Its taste against OpenTelemetry's names, which are the same in all exporters.
    let names = ["process_open_file_descriptor_count", "process_thread_count"];
    said.retain(|line| !names.iter().any(|name| line.starts_with(name) && line.contains("\"_count\" suffix")));
    assert_eq!(said, [""; 0]);
    // 3 is for matters of taste.
    assert!(matches!(promtool.exit().code(), Some(0 | 3)));
}

/// A Prometheus that scrapes `target` twice a second.
fn run(prometheus: &Path, folder: &Folder, target: SocketAddr) -> (Process, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let config = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\n\
         scrape_configs: [{{job_name: broker, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    let file = folder.write("prometheus.yml", config);
    fs::create_dir(folder.join("tsdb")).expect("the folder is new");
    let mut command = Command::new(prometheus);
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
        .arg(format!("--web.listen-address={free}"))
        .arg("--log.level=error");
    (Process::spawn(command), free)
}

#[test]
fn prometheus_scrapes_it() {
    let Some(prometheus) = program_of_prometheus("prometheus") else { return };
    let folder = Folder::new();
    let program = start(&folder, &[]);
    let mut client = mqtt::dial(program.address("mqtt"));
    assert_eq!(mqtt::enter(&mut client, &mqtt::connect(Level::V5, None)), ACCEPTED);
    let (_prometheus, api) = run(&prometheus, &folder, program.address("http"));
    let query = |what: &str| -> Value {
        let answer = ask(api, "GET", &format!("/api/v1/query?query={what}"), "");
        let answer = answer.ok().and_then(|answer| serde_json::from_str::<Value>(&answer.body).ok());
        answer.unwrap_or_default()["data"]["result"][0]["value"][1].clone()
    };
    until(|| query("up") == "1", "it is scraped");
    until(|| query("mqtt_server_clients_online") == "1", "the client is counted");
    // The limits of a bucket were kept.
    until(|| query("mqtt_server_ack_duration_seconds_bucket{le=%22%2BInf%22}") == "0", "a histogram");
    let answer = get(api, "/api/v1/targets/metadata?metric=mqtt_server_packets_rx").body;
    let metadata: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(metadata["data"][0]["type"], "counter", "{answer}");
}

/// Metrics that a program without TLS, collectors and clients who were here does not show.
const ELSEWHERE: [&str; 5] = ["_tls_cert_expiry", "_telemetry_", "_rejected_", "_disconnects", "_tls_handshake"];

#[test]
fn the_page_of_metrics_lists_all_of_them_and_no_others() {
    let folder = Folder::new();
    let program = start(&folder, &[]);
    let text = get(program.address("http"), "/metrics").body;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let listed: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let shown: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let missing: Vec<_> = shown.iter().filter(|name| !listed.contains(name)).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
    let elsewhere = |name: &&&str| ELSEWHERE.iter().any(|part| name.contains(part));
    let gone: Vec<_> = listed.iter().filter(|name| !shown.contains(name) && !elsewhere(name)).collect();
    assert!(gone.is_empty(), "on the page alone: {gone:?}");
}
