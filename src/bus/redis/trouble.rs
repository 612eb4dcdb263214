//! What went wrong, in words that say how to fix it.

use super::keys::Keys;
use crate::bus::engine::{BusError, Trouble};
use redis::{ErrorKind, RedisError};

/// Whether a connection may be used again after an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Health {
    /// The server has answered on it.
    Answering,
    /// Nobody knows, or it leads to the wrong server: it is dropped, and the
    /// next one is made after a new look at the name.
    Doubtful,
}

/// What the server refused. Command and key may be empty.
pub(super) struct Refusal<'a> {
    pub(super) command: &'a str,
    pub(super) key: &'a str,
    pub(super) text: &'a str,
}

impl Refusal<'_> {
    /// After a failover a name leads elsewhere, and a login may have expired.
    pub(super) fn health(&self) -> Health {
        if self.names(&[
            "READONLY",
            "MASTERDOWN",
            "NOAUTH",
            "unauthenticated",
            "MOVED",
            "CLUSTERDOWN",
        ]) {
            Health::Doubtful
        } else {
            Health::Answering
        }
    }

    pub(super) fn error(&self, keys: &Keys) -> BusError {
        BusError::new(Trouble::Refused, self.sentence(keys))
    }

    /// Inside a script the servers say it in words of their own.
    fn denied(&self) -> bool {
        self.names(&[
            "NOPERM",
            "ACL failure",
            "no permissions",
            "executing the script can't",
        ])
    }

    pub(super) fn sentence(&self, keys: &Keys) -> String {
        let (command, key, said) = (plain(self.command), plain(self.key), plain(self.text));
        if self.denied() {
            let word = command.to_ascii_lowercase();
            let ours = keys.pattern();
            return format!(
                "Redis does not permit {command} {key} to this user: \
                 grant it with `ACL SETUSER <user> +{word} ~{ours} &{ours}`; it said: {said}"
            );
        }
        let cure = if self.names(&["WRONGTYPE", "not an integer"]) {
            &format!(
                "this bus did not write what it holds: remove it with `DEL {key}`, or use another namespace"
            )
        } else {
            self.cure()
        };
        format!("Redis refused {command} {key}: {cure}; it said: {said}")
    }

    fn cure(&self) -> &'static str {
        let cures: [(&[&str], &str); 7] = [
            (
                &["READONLY"],
                "it is a read-only replica: point the URL at the master",
            ),
            (
                &["OOM"],
                "it is out of memory: raise `maxmemory` or free some",
            ),
            (
                &["NOREPLICAS"],
                "it has too few replicas to accept writes (`min-replicas-to-write`)",
            ),
            (&["MISCONF"], "it cannot save to disk and so refuses writes"),
            (
                &["LOADING", "BUSY", "MASTERDOWN"],
                "it is not ready; this passes by itself",
            ),
            (
                &["NOAUTH", "WRONGPASS", "unauthenticated"],
                "check the user and the password in the URL",
            ),
            (
                &["MOVED", "CLUSTERDOWN", "CROSSSLOT"],
                "it is a cluster, and this version does not do clusters yet",
            ),
        ];
        let found = cures.iter().find(|(codes, _)| self.names(codes));
        found.map_or("see what it said", |(_, cure)| cure)
    }

    fn names(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.text.contains(word))
    }
}

/// Turns an error of the client into ours, and says whether the connection it
/// came from may be kept.
pub(super) fn of(error: RedisError, keys: &Keys) -> (BusError, Health) {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let text = said(&error);
            let refusal = Refusal {
                command: "EVAL",
                key: "",
                text: &text,
            };
            (refusal.error(keys), refusal.health())
        }
        ErrorKind::AuthenticationFailed => {
            let message = "Redis refused the login: check the user and the password in the URL";
            (
                caused(Trouble::Refused, message.into(), error),
                Health::Doubtful,
            )
        }
        ErrorKind::RESP3NotSupported => {
            let message = "this Redis does not speak RESP3, so the ring cannot be heard";
            (
                caused(Trouble::Refused, message.into(), error),
                Health::Doubtful,
            )
        }
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            let message = "Redis sent something that is no reply".into();
            (
                caused(Trouble::Unreadable, message, error),
                Health::Doubtful,
            )
        }
        _ if error.is_timeout() => {
            let message = "Redis did not reply in time".into();
            (caused(Trouble::TimedOut, message, error), Health::Doubtful)
        }
        _ => {
            let message = format!("no connection to Redis: {}", plain(&error.to_string()));
            (
                caused(Trouble::Unreachable, message, error),
                Health::Doubtful,
            )
        }
    }
}

/// What the server said, with its code in front.
pub(super) fn said(error: &RedisError) -> String {
    let code = error.code().unwrap_or_default();
    format!("{code} {}", error.detail().unwrap_or_default())
}

pub(super) fn unreadable(what: &str) -> BusError {
    BusError::new(
        Trouble::Unreadable,
        format!("the reply of Redis cannot be read: {what}"),
    )
}

fn caused(trouble: Trouble, message: String, source: RedisError) -> BusError {
    BusError {
        trouble,
        message,
        source: Some(Box::new(source)),
    }
}

/// At most 200 characters, and none that could break a line of a log.
fn plain(text: &str) -> String {
    text.chars()
        .take(200)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_command_the_key_and_the_cure() {
        let keys = Keys::of("shop").unwrap();
        let refusal = Refusal {
            command: "XADD",
            key: &keys.log,
            text: "NOPERM this user has no permissions\r\nforged line",
        };
        let sentence = refusal.sentence(&keys);
        assert!(
            sentence.contains("+xadd ~coherence:{shop}:* &coherence:{shop}:*"),
            "{sentence}"
        );
        assert!(!sentence.contains('\n'));
        assert_eq!(refusal.health(), Health::Answering);
    }

    #[test]
    fn a_connection_to_a_replica_is_not_kept() {
        let text = "READONLY You can't write against a read only replica.";
        let refusal = Refusal {
            command: "XADD",
            key: "",
            text,
        };
        assert_eq!(refusal.health(), Health::Doubtful);
    }
}
