//! The names of a namespace in Redis.

/// The keys and the channel of one namespace. All share one hash tag, so that
/// one script may touch all of them wherever they live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Keys {
    /// The stream.
    pub(super) log: String,
    /// A hash: whose the log is, and how often it was asked.
    pub(super) meta: String,
    /// A hash: what each member has reported.
    pub(super) members: String,
    /// A sorted set: at which sync each member last reported.
    pub(super) beats: String,
    /// The channel. Channels know nothing of databases: two applications in two
    /// databases of one server need two namespaces.
    pub(super) ring: String,
}

const MAX_NAMESPACE_BYTES: usize = 64;

impl Keys {
    /// The error is a sentence about the namespace.
    pub(super) fn of(namespace: &str) -> Result<Self, String> {
        check(namespace)?;
        let name = |part| format!("coherence:{{{namespace}}}:{part}");
        Ok(Self {
            log: name("log"),
            meta: name("meta"),
            members: name("members"),
            beats: name("beats"),
            ring: name("ring"),
        })
    }

    /// What an ACL rule has to name.
    pub(super) fn pattern(&self) -> String {
        format!("{}*", self.log.trim_end_matches("log"))
    }
}

fn check(namespace: &str) -> Result<(), String> {
    let plain = |letter: char| !(letter.is_whitespace() || letter.is_control());
    match namespace.len() {
        0 => Err(
            "a namespace is required: applications that share a Redis must not share a log".into(),
        ),
        1..=MAX_NAMESPACE_BYTES if namespace.contains(['{', '}']) => {
            Err("a namespace may not contain braces: they mark the hash tag of the keys".into())
        }
        1..=MAX_NAMESPACE_BYTES if namespace.chars().all(plain) => Ok(()),
        1..=MAX_NAMESPACE_BYTES => {
            Err("a namespace may not contain whitespace or control characters".into())
        }
        length => Err(format!(
            "a namespace has at most {MAX_NAMESPACE_BYTES} bytes, this one has {length}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_share_one_hash_tag() {
        let keys = Keys::of("shop").unwrap();
        assert_eq!(keys.log, "coherence:{shop}:log");
        assert_eq!(keys.ring, "coherence:{shop}:ring");
        assert_eq!(keys.pattern(), "coherence:{shop}:*");
    }

    #[test]
    fn odd_namespaces_are_refused_with_a_sentence() {
        for odd in ["", "a b", "a\nb", "{a}", "a}", "\0", &"x".repeat(65)] {
            assert!(Keys::of(odd).is_err(), "{odd:?}");
        }
        assert!(Keys::of(&"x".repeat(64)).is_ok());
        assert!(Keys::of("größe:1/2").is_ok());
    }
}
