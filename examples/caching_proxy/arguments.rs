//! What the command line says.

use http::Uri;
use http::uri::Authority;
use std::time::Duration;

pub(crate) const HELP: &str = "\
A reverse proxy that answers from memory what it may.

    caching_proxy --origin URL [options]

    --origin URL         where requests go: http://host[:port]
    --listen ADDR        where clients come (127.0.0.1:8080; port 0: any free one)
    --profile NAME       safe: the defaults of the library (this is the default)
                         strict: what the RFCs let a shared cache do
    --redis URL          share what is invalidated with other proxies over Redis
    --namespace NAME     by which these proxies know each other (caching-proxy)
    --timeout SECONDS    how long the origin may take to begin its answer,
                         once it has the request (20)
    --help               this text
";

/// What to do.
pub(crate) enum Asked {
    Help,
    Run(Arguments),
}

#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Safe,
    Strict,
}

pub(crate) struct Arguments {
    pub(crate) origin: Authority,
    pub(crate) listen: String,
    pub(crate) profile: Profile,
    pub(crate) redis: Option<String>,
    pub(crate) namespace: String,
    pub(crate) timeout: Duration,
}

impl Arguments {
    /// `--name value` and `--name=value`, in any order.
    pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Asked, String> {
        let (mut origin, mut words) = (None, words);
        let mut arguments = Draft::default();
        while let Some(word) = words.next() {
            if word == "--help" || word == "-h" {
                return Ok(Asked::Help);
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            if !NAMES.contains(&name.as_str()) {
                return Err(format!("`{name}` is not an option"));
            }
            let value = value.or_else(|| words.next());
            let value = value.ok_or_else(|| format!("`{name}` needs a value"))?;
            match name.as_str() {
                "--origin" => origin = Some(authority(&value)?),
                _ => arguments.set(&name, value)?,
            }
        }
        let origin = origin.ok_or("`--origin` is missing: where do requests go?")?;
        Ok(Asked::Run(arguments.with(origin)))
    }
}

const NAMES: &[&str] = &[
    "--origin",
    "--listen",
    "--profile",
    "--redis",
    "--namespace",
    "--timeout",
];

/// All but the origin, which has no default.
struct Draft {
    listen: String,
    profile: Profile,
    redis: Option<String>,
    namespace: String,
    timeout: Duration,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            profile: Profile::Safe,
            redis: None,
            namespace: "caching-proxy".to_owned(),
            timeout: Duration::from_secs(20),
        }
    }
}

impl Draft {
    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "--listen" => self.listen = value,
            "--redis" => self.redis = Some(value),
            "--namespace" => self.namespace = value,
            "--profile" => self.profile = profile(&value)?,
            _ => self.timeout = seconds(&value)?,
        }
        Ok(())
    }

    fn with(self, origin: Authority) -> Arguments {
        Arguments {
            origin,
            listen: self.listen,
            profile: self.profile,
            redis: self.redis,
            namespace: self.namespace,
            timeout: self.timeout,
        }
    }
}

fn profile(name: &str) -> Result<Profile, String> {
    match name {
        "safe" => Ok(Profile::Safe),
        "strict" => Ok(Profile::Strict),
        _ => Err(format!("the profile `{name}` is neither safe nor strict")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or_else(|| format!("`{text}` is no number of whole seconds"));
    seconds.map(Duration::from_secs)
}

fn authority(url: &str) -> Result<Authority, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error| format!("the origin `{url}` is no URL: {error}"))?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("the origin `{url}` is not http://host[:port]"));
    };
    let is_bare = uri.path_and_query().is_none_or(|path| path == "/");
    if !is_bare || authority.as_str().contains('@') {
        return Err(format!(
            "the origin `{url}` may have no path, query or user: requests bring their own path"
        ));
    }
    Ok(authority.clone())
}
