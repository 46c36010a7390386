use super::*;
use std::time::{Duration, SystemTime};

fn written(family: Family, format: Format) -> String {
    write(&[family], format)
}

/// The names in the text, without labels.
fn sample_names(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

fn counter(name: &'static str, unit: &'static str) -> Family {
    Family::new(name, Kind::Counter, unit, "Some.").with(1u64)
}

#[test]
fn names_have_unit_and_total_once() {
    for (name, unit, expected) in [
        ("mqtt.server.packets_rx", "{packet}", "mqtt_server_packets_rx_total"),
        ("process.cpu.time", "s", "process_cpu_time_seconds_total"),
        ("some.seconds", "s", "some_seconds_total"),
        ("milliseconds", "s", "milliseconds_seconds_total"),
        ("net.io", "By", "net_io_bytes_total"),
        ("done.total", "{thing}", "done_total"),
        ("share", "1", "share_total"),
        ("2x-y", "", "_2x_y_total"),
    ] {
        assert_eq!(sample_names(&written(counter(name, unit), Format::Text)), [expected], "{name} in {unit}");
    }
    for (kind, unit, expected) in [
        (Kind::Gauge, "1", "x_y_ratio"),
        (Kind::UpDownCounter, "By", "x_y_bytes"),
        (Kind::Gauge, "{thing}", "x_y"),
        (Kind::Gauge, "", "x_y"),
    ] {
        let family = Family::new("x.y", kind, unit, "Some.").with(0.5);
        assert_eq!(sample_names(&written(family, Format::Text)), [expected], "{unit}");
    }
}

#[test]
fn a_counter_in_both_formats() {
    let family = || {
        Family::new("a.time", Kind::Counter, "s", "Time \"well\" spent\\lost,\nin all.")
            .with_attributes([("cpu.mode", "us\"er\\\n".into())], 1.5)
            .with(2u64)
    };
    assert_eq!(
        written(family(), Format::Text),
        "# HELP a_time_seconds_total Time \"well\" spent\\\\lost,\\nin all.\n\
         # TYPE a_time_seconds_total counter\n\
         a_time_seconds_total{cpu_mode=\"us\\\"er\\\\\\n\"} 1.5\n\
         a_time_seconds_total 2\n"
    );
    assert_eq!(
        written(family(), Format::OpenMetrics),
        "# HELP a_time_seconds Time \\\"well\\\" spent\\\\lost,\\nin all.\n\
         # TYPE a_time_seconds counter\n\
         # UNIT a_time_seconds seconds\n\
         a_time_seconds_total{cpu_mode=\"us\\\"er\\\\\\n\"} 1.5\n\
         a_time_seconds_total 2\n\
         # EOF\n"
    );
}

#[test]
fn a_histogram_adds_up_and_has_exemplars_in_openmetrics_alone() {
    let family = || {
        let buckets = Buckets { bounds: vec![0.001, 1.0], counts: vec![2, 3, 1], sum: 61.5 };
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
        let exemplar = Exemplar { trace_id: 0xabc, span_id: 0xd, value: 0.25, at };
        let number = Number::Distribution(buckets, vec![None, Some(exemplar), None]);
        Family::new("ack.duration", Kind::Histogram, "s", "Time.").with_attributes([("q", "1".into())], number)
    };
    let text = written(family(), Format::Text);
    assert_eq!(
        text,
        "# HELP ack_duration_seconds Time.\n\
         # TYPE ack_duration_seconds histogram\n\
         ack_duration_seconds_bucket{q=\"1\",le=\"0.001\"} 2\n\
         ack_duration_seconds_bucket{q=\"1\",le=\"1.0\"} 5\n\
         ack_duration_seconds_bucket{q=\"1\",le=\"+Inf\"} 6\n\
         ack_duration_seconds_sum{q=\"1\"} 61.5\n\
         ack_duration_seconds_count{q=\"1\"} 6\n"
    );
    let open = written(family(), Format::OpenMetrics);
    let line = "ack_duration_seconds_bucket{q=\"1\",le=\"1.0\"} 5 \
                # {trace_id=\"00000000000000000000000000000abc\",span_id=\"000000000000000d\"} 0.25 1700000000.250";
    assert!(open.lines().any(|other| other == line), "{open}");
    assert!(open.contains("# UNIT ack_duration_seconds seconds\n") && open.ends_with("\n# EOF\n"), "{open}");
}

#[test]
fn what_would_break_the_text_is_left_out() {
    let families = [
        Family::new("empty", Kind::Gauge, "", "Nothing."),
        counter("twice", ""),
        counter("twice.total", ""),
        Family::new("odd", Kind::Gauge, "", "Odd.").with(f64::NAN).with(f64::INFINITY).with(f64::NEG_INFINITY),
    ];
    let text = write(&families, Format::Text);
    assert_eq!(sample_names(&text), ["twice_total", "odd", "odd", "odd"]);
    assert!(text.contains("odd NaN\nodd +Inf\nodd -Inf\n"), "{text}");
    assert_eq!(write(&[], Format::OpenMetrics), "# EOF\n");
}

#[test]
fn the_format_is_the_one_that_is_wanted_most() {
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, expected) in [
        ("", Format::Text),
        ("*/*", Format::Text),
        ("text/html, */*;q=0.1", Format::Text),
        (prometheus, Format::OpenMetrics),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.5", Format::Text),
        ("application/openmetrics-text;q=0, */*", Format::Text),
    ] {
        assert_eq!(Format::of(accept), expected, "{accept}");
    }
}
