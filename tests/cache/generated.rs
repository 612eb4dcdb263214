//! The generated code of the tonic example is what its proto file says.

use std::path::Path;

/// Made in this process: neither protoc nor a build script is needed for it.
#[test]
fn the_code_of_the_tonic_example_is_what_its_proto_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tonic_catalog");
    let committed = folder.join("generated.rs");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tonic_catalog");
    std::fs::create_dir_all(&made).unwrap();
    let descriptors = protox::compile(["catalog.proto"], [&folder]).unwrap();
    tonic_prost_build::configure()
        .out_dir(&made)
        .compile_fds(descriptors)
        .unwrap();
    let made = made.join("catalog.rs");
    let same = std::fs::read(&made).unwrap() == std::fs::read(&committed).unwrap_or_default();
    assert!(same, "copy {} to {}", made.display(), committed.display());
}
