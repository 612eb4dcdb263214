//! The example `caching_proxy`, started as a process in front of an origin.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Killed when dropped.
pub struct CachingProxy {
    child: Child,
    address: SocketAddr,
    output: BufReader<ChildStdout>,
}

impl CachingProxy {
    /// Returns when it listens. More arguments than where it listens and goes to.
    pub fn start(origin: SocketAddr, more: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["--origin", &format!("http://{origin}")])
            .args(["--listen", "127.0.0.1:0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example can be started");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a pipe can be read");
        let address = line.strip_prefix("listening on ");
        let address = address.and_then(|line| line.split(' ').next()?.parse().ok());
        let address = address.unwrap_or_else(|| panic!("the proxy does not listen: {line:?}"));
        Self {
            child,
            address,
            output,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much memory it has in use, in MiB.
    pub fn resident_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the proxy runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.expect("Linux tells") / 1024
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        assert!(told.expect("`kill` is there").success());
    }

    /// Whether it ended well, and what it said last. Waits for it.
    pub fn end(mut self) -> (bool, String) {
        let mut last = String::new();
        self.output.read_to_string(&mut last).expect("text");
        (self.child.wait().expect("a child").success(), last)
    }
}

impl Drop for CachingProxy {
    fn drop(&mut self) {
        // Only fails if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the program says to these arguments alone, and its exit code.
pub fn output(arguments: &[&str]) -> Output {
    let output = Command::new(program()).args(arguments).output();
    output.expect("the example can be started")
}

fn program() -> PathBuf {
    example("caching_proxy")
}

/// Cargo builds it with a whole run of the tests, beside them.
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("this program has a path");
    let profile = tests.parent().and_then(|deps| deps.parent());
    let program = profile.expect("a folder of a profile");
    let program = program.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is missing: cargo build --all-features --example {name}",
        program.display()
    );
    program
}
