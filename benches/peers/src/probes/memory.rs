//! What is kept of large bodies: 24 of 10 MiB, each of a path of its own.
//!
//! In a process of its own for each cache, which tells by how much its memory grew.

use super::rig::{plain, settled, with};
use crate::client::BoxError;
use crate::origin::Origin;
use crate::peers::PEERS;
use crate::support::shop::runtime;
use std::process::Command;

/// The first argument of that process.
pub const WORD: &str = "memory-of";

pub const TITLE: &str = "MiB kept of 24 bodies of 10 MiB";

const BODIES: u32 = 24;
const LENGTH: usize = 10 << 20;

/// The answer of such a process.
pub fn of(peer: &str) -> String {
    let told = std::env::current_exe().and_then(|me| Command::new(me).args([WORD, peer]).output());
    match told {
        Ok(told) if told.status.success() => String::from_utf8_lossy(&told.stdout).trim().into(),
        Ok(told) => format!("**error** ({})", told.status),
        Err(error) => format!("**error** ({error})"),
    }
}

/// What such a process does.
pub fn tell(peer: &str) {
    let Some(peer) = PEERS.iter().find(|known| known.name == peer) else {
        return eprintln!("no such peer: {peer}");
    };
    let client = (peer.client)(Origin::new(|_, _| async {
        with(plain(), vec![b'x'; LENGTH])
    }));
    let filled = runtime().block_on(async {
        // Before the first is stored, all that is made once is there.
        client.get("/first").await?;
        let before = resident()?;
        for number in 0..BODIES {
            let got = client.get(&format!("/bodies/{number}")).await?;
            assert_eq!(got.body.len(), LENGTH, "the response is whole");
            drop(got);
            settled().await;
        }
        Ok::<_, BoxError>(resident()?.saturating_sub(before))
    });
    match filled {
        Ok(kept) => println!("{kept}"),
        Err(error) => println!("**error** ({error})"),
    }
}

/// MiB of this process in memory.
fn resident() -> Result<u64, BoxError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().next());
    Ok(size.ok_or("it is not told here")?.parse::<u64>()? / 1024)
}
