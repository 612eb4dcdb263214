//! The oldest compiler: `rust-version` in `Cargo.toml`, held by every package
//! of the lock file that is used on this platform, those of tests included.

use serde_json::Value;
use std::env;
use std::process::{Command, Output};

const MSRV: &str = env!("CARGO_PKG_RUST_VERSION");

#[test]
fn no_package_in_cargo_metadata_needs_a_newer_compiler() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().map_or(0, Vec::len);
    assert!(
        packages > 50,
        "cargo metadata lists {packages} packages only"
    );
    let newer = newer_than(MSRV, &metadata);
    assert!(newer.is_empty(), "newer than {MSRV}: {}", newer.join(", "));
}

#[test]
fn clippy_knows_the_same_oldest_compiler() {
    let clippy = include_str!("../../clippy.toml");
    assert!(clippy.contains(&format!("msrv = \"{MSRV}\"")));
}

/// From what is already downloaded; asks the network only if that is not enough.
fn metadata() -> Value {
    let host = host();
    let offline = run_metadata(&host, &["--offline"]);
    let output = if offline.status.success() {
        offline
    } else {
        run_metadata(&host, &[])
    };
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {trouble}");
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

fn run_metadata(host: &str, more: &[&str]) -> Output {
    Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--all-features",
        ])
        .args(["--filter-platform", host])
        .args(more)
        .output()
        .expect("cargo runs")
}

fn host() -> String {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc -vV names the host").to_owned()
}

fn newer_than(msrv: &str, metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter_map(|package| {
            let needs = package["rust_version"].as_str()?;
            let is_newer = version(needs) > version(msrv);
            is_newer.then(|| format!("{} {} needs {needs}", package["name"], package["version"]))
        })
        .collect()
}

fn version(text: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = text
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect();
    parts.resize(3, 0);
    parts
}

#[test]
fn a_package_that_needs_a_newer_compiler_is_found() {
    let metadata = serde_json::json!({ "packages": [
        { "name": "old", "version": "1.0.0", "rust_version": "1.9" },
        { "name": "same", "version": "1.0.0", "rust_version": "1.88.0" },
        { "name": "silent", "version": "1.0.0", "rust_version": null },
        { "name": "new", "version": "1.0.0", "rust_version": "1.88.1" },
        { "name": "newer", "version": "2.0.0", "rust_version": "1.95" },
    ]});
    let found = newer_than("1.88", &metadata);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("new") && found[1].contains("newer"));
}
