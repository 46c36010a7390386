//! The log's output: a bounded queue and a thread that writes. A reader that does not read stops the thread and nobody else; lines that find no
//! room are dropped and their number is written once there is.

use crate::config::telemetry::LogTarget;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait.
const LINES: usize = 4096;

/// How long the end waits for the last lines.
const FLUSH: Duration = Duration::from_secs(1);

enum Order {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Takes lines, each written at once.
#[derive(Clone)]
pub struct Pipe {
    orders: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
}

impl Pipe {
    /// A pipe to one of the standard streams.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start(target: LogTarget) -> io::Result<Pipe> {
        match target {
            LogTarget::Stdout => Pipe::to(io::stdout(), LINES),
            LogTarget::Stderr => Pipe::to(io::stderr(), LINES),
        }
    }

    fn to(output: impl Write + Send + 'static, lines: usize) -> io::Result<Pipe> {
        let (orders, received) = sync_channel(lines);
        let dropped = Arc::new(AtomicU64::new(0));
        let pipe = Pipe { orders, dropped: dropped.clone() };
        thread::Builder::new().name("log".to_owned()).spawn(move || write(output, &received, &dropped))?;
        Ok(pipe)
    }

    /// Waits until what was written before is out, for a bounded time.
    pub fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        if self.orders.try_send(Order::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(FLUSH);
        }
    }
}

fn write(mut output: impl Write, orders: &Receiver<Order>, dropped: &AtomicU64) {
    // A line that cannot be written is lost: there is no place left to say so.
    while let Ok(order) = orders.recv() {
        match order {
            Order::Line(line) => drop(output.write_all(&line)),
            Order::Flush(done) => {
                let _ = output.flush();
                let _ = done.send(());
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(output, "{lost} lines of the log were dropped: nobody read them in time");
        }
    }
}

/// Buffers one line.
impl Write for Pipe {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.orders.try_send(Order::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Pipe {
    type Writer = Pipe;

    fn make_writer(&'a self) -> Pipe {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    /// What was written, and whether somebody reads.
    type Written = (bool, Vec<u8>);

    /// An output whose reader can stop reading.
    #[derive(Clone, Default)]
    struct Output(Arc<(Mutex<Written>, Condvar)>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (state, changed) = &*self.0;
            let mut state = changed.wait_while(state.lock().unwrap(), |(open, _)| !*open).unwrap();
            state.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Output {
        fn open(&self) {
            self.0.0.lock().unwrap().0 = true;
            self.0.1.notify_all();
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_and_what_was_lost_is_told() {
        let output = Output::default();
        let mut pipe = Pipe::to(output.clone(), 4).unwrap();
        // Would wait here for ever.
        (0..100).for_each(|at| pipe.write_all(format!("line {at}\n").as_bytes()).unwrap());
        output.open();
        pipe.flush();
        while !pipe.dropped.load(Ordering::Relaxed).eq(&0) {
            pipe.flush();
        }
        pipe.flush();
        let text = String::from_utf8(output.0.0.lock().unwrap().1.clone()).unwrap();
        let kept = text.lines().filter(|line| line.starts_with("line ")).count();
        let told = text.lines().find_map(|line| line.split_once(" lines of the log were dropped")).unwrap().0;
        assert!((4..100).contains(&kept), "{text}");
        assert_eq!(kept + told.parse::<usize>().unwrap(), 100, "{text}");
    }
}
