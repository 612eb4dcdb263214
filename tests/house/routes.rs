//! Each setting of a policy has a key in route files, or its page says that only code
//! has it.

use std::path::Path;

const PAGE: &str = include_str!("../../src/docs/routes.md");

#[test]
fn the_page_of_route_files_has_each_setting_of_a_policy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let texts = files.map(|file| {
        let file = file.expect("the folder is readable");
        std::fs::read_to_string(file.path()).expect("a file is readable")
    });
    let all: Vec<_> = texts.flat_map(|text| settings(&text)).collect();
    assert!(all.len() > 30, "only {} settings found", all.len());
    let missing = missing(&all, PAGE);
    assert!(
        missing.is_empty(),
        "give these a key in `src/routes/file`, or say on the page that only code has them: {missing:?}"
    );
}

/// The public methods of policies that take one and give it back.
fn settings(text: &str) -> Vec<(&'static str, String)> {
    let (mut whose, mut found) = (None, Vec::new());
    for line in text.lines() {
        match line {
            "impl Policy {" => whose = Some("reads"),
            "impl WritePolicy {" => whose = Some("writes"),
            "}" => whose = None,
            _ => {}
        }
        let method = line.strip_prefix("    pub fn ");
        if let (Some(whose), Some(method)) = (whose, method.filter(|it| it.contains("mut self"))) {
            let end = method.find(['(', '<']).unwrap_or(method.len());
            found.push((whose, method[..end].to_owned()));
        }
    }
    found
}

fn missing(settings: &[(&str, String)], page: &str) -> Vec<String> {
    let section = |whose: &str| {
        let (_, after) = page.split_once(&format!("# Settings of {whose}\n"))?;
        after.split("\n# ").next()
    };
    let is_there = |(whose, name): &&(&str, String)| {
        section(whose).is_some_and(|text| text.contains(&format!("`{name}`")))
    };
    let missing = settings.iter().filter(|one| !is_there(one));
    missing
        .map(|(whose, name)| format!("{whose}: {name}"))
        .collect()
}

#[test]
fn a_setting_without_a_key_is_found() {
    let text = "impl Policy {\n    pub fn etag(mut self) -> Self {\n    }\n    pub fn other(&self) {}\n}\n\
        impl WritePolicy {\n    pub fn with<F>(mut self, with: F) -> Self\n}\nimpl X {\n    pub fn y(mut self)\n}\n";
    let found = settings(text);
    assert_eq!(found.len(), 2);
    let page = "# Settings of reads\n`with`\n# Settings of writes\n`etag`\n";
    assert_eq!(missing(&found, page), ["reads: etag", "writes: with"]);
    let page = "# Settings of reads\n`etag`\n\n# Settings of writes\n`with`\n";
    assert_eq!(missing(&found, page), [""; 0]);
}
