//! What is missing or dangerous, in sentences.

use super::engine::RedisEngine;
use super::reply;
use super::ring;
use crate::bus::engine::{BusError, Trouble};
use redis::Value;

/// The log should have room to grow.
const LITTLE_ROOM: u64 = 64 << 20;

/// Tries each command, listens once, and reads what the server says of itself.
/// Where that is forbidden, nothing is said about it.
pub(super) async fn look(engine: &RedisEngine) -> Result<Vec<String>, BusError> {
    let mut sentences = Vec::new();
    sentences.extend(version(&info(engine, "server").await?));
    sentences.extend(role(&info(engine, "replication").await?));
    sentences.extend(memory(&info(engine, "memory").await?));
    sentences.extend(commands(engine).await?);
    match ring::listen(&engine.supervisor, &engine.keys).await {
        Ok(_) => {}
        Err(error) if error.trouble == Trouble::Refused => {
            sentences.push(format!(
                "{error}; until then each instance hears of a change at its next heartbeat"
            ));
        }
        Err(error) => return Err(error),
    }
    Ok(sentences)
}

/// One section of `INFO`; empty where it is forbidden.
async fn info(engine: &RedisEngine, section: &str) -> Result<String, BusError> {
    let live = engine.supervisor.live(&engine.keys).await?;
    let mut command = redis::cmd("INFO");
    command.arg(section);
    match engine
        .supervisor
        .command(&live, &command, &engine.keys)
        .await
    {
        Ok(Value::BulkString(text)) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Ok(Value::VerbatimString { text, .. }) => Ok(text),
        Ok(_) => Ok(String::new()),
        Err(error) if error.trouble == Trouble::Refused => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// The probe of `INFO` in the script explains what follows from its refusal.
async fn commands(engine: &RedisEngine) -> Result<Vec<String>, BusError> {
    let live = engine.supervisor.live(&engine.keys).await?;
    let call = super::scripts::Call::look(&engine.keys);
    match engine.supervisor.run(&live, &call, &engine.keys).await {
        Ok(value) => match reply::look(value, &engine.keys) {
            Ok(sentences) => Ok(sentences),
            Err((error, _)) if error.trouble == Trouble::Refused => Ok(vec![error.message]),
            Err((error, _)) => Err(error),
        },
        Err(error) if error.trouble == Trouble::Refused => Ok(vec![error.message]),
        Err(error) => Err(error),
    }
}

fn version(info: &str) -> Option<String> {
    let version = field(info, "redis_version")?;
    let mut numbers = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let told = (numbers.next()?, numbers.next().unwrap_or(0));
    (told < (6, 2)).then(|| format!("this Redis is version {version}: 6.2 or later is needed"))
}

fn role(info: &str) -> Option<String> {
    let role = field(info, "role")?;
    (role != "master")
        .then(|| "this Redis is a read-only replica: point the URL at the master".into())
}

fn memory(info: &str) -> Option<String> {
    let most: u64 = field(info, "maxmemory")?.parse().ok()?;
    let used: u64 = field(info, "used_memory")?.parse().ok()?;
    let policy = field(info, "maxmemory_policy").unwrap_or_default();
    let room = most.saturating_sub(used);
    if most == 0 {
        None
    } else if policy.starts_with("allkeys-") {
        Some(format!(
            "maxmemory-policy is `{policy}`: this Redis may evict the log, and each time all \
             instances invalidate everything; use `noeviction` or a `volatile-` policy"
        ))
    } else if room < LITTLE_ROOM {
        Some(format!(
            "this Redis has only {} MiB below `maxmemory`: when that is used up it refuses \
             writes, and all instances bypass their caches",
            room >> 20
        ))
    } else {
        None
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_version_is_told() {
        assert!(version("# Server\r\nredis_version:6.0.16\r\n").is_some());
        assert!(version("redis_version:6.2.0\r\n").is_none());
        assert!(version("redis_version:10.0\r\n").is_none());
        assert!(version("").is_none());
    }

    #[test]
    fn a_policy_that_may_evict_the_log_is_told_only_where_it_can_take_effect() {
        let info = |most: u64, policy| {
            format!("used_memory:1000\r\nmaxmemory:{most}\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert_eq!(memory(&info(0, "allkeys-lru")), None);
        assert!(
            memory(&info(1 << 30, "allkeys-lru"))
                .unwrap()
                .contains("evict")
        );
        assert!(
            memory(&info(1 << 20, "noeviction"))
                .unwrap()
                .contains("0 MiB")
        );
        assert_eq!(memory(&info(1 << 30, "noeviction")), None);
    }
}
