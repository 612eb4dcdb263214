//! The rules of HTTP for a shared cache, as pure functions over `http` types: one
//! section of an RFC each. Nothing here keeps state, reads a clock or changes what
//! leaves the process except where it says so.
//!
//! | question | file | section |
//! | --- | --- | --- |
//! | What is this request to a cache? | `request` | RFC 9110 §9.2, RFC 9111 §2, §4 |
//! | Under which key is it looked up? | `key`, `authority`, `vary` | RFC 9111 §2, §4.1 |
//! | What of it counts, where a route chooses? | `query`, `inputs` | RFC 9111 §7.1 |
//! | May this response be stored? | `storable`, `cache_control`, `targeted` | RFC 9111 §3, §5.2, RFC 9213 |
//! | Which fields of it? | `stored_fields` | RFC 9111 §3.1 |
//! | How old is it, and is it fresh? | `freshness`, `dates` | RFC 9111 §4.2, RFC 9110 §5.6.7 |
//! | Has the client got it already? | `conditional`, `etag` | RFC 9110 §13, RFC 9111 §4.3.2 |
//! | Is it fresh enough for this client? | `demands` | RFC 9111 §5.2.1 |
//! | Does what is stored still hold? | `validation`, `reuse` | RFC 9111 §4.2.4, §4.3, RFC 5861 |
//! | What does the cache itself ask? | `own_request` | RFC 5861 §3 |
//! | Which part of it is asked for? | `range` | RFC 9110 §14 |
//! | Which tag has what has none? | `made_etag` | RFC 9110 §8.8.3 |
//! | Which tags does it bring? | `tag_fields` | none: conventions of vendors |
//! | What are those behind us told? | `downstream` | RFC 9111 §5.2.2, RFC 9213 §2.3 |
//! | What did this cache do with it? | `cache_status` | RFC 9211 |
//! | What of a gRPC call counts, and is its answer well? | `grpc` | none |
//! | What did this write make stale? | `invalidation`, `groups` | RFC 9111 §4.4, RFC 9875 |

mod authority;
mod cache_control;
mod cache_status;
mod conditional;
mod dates;
mod demands;
mod downstream;
mod etag;
mod freshness;
#[cfg(test)]
mod fuzz;
mod groups;
mod grpc;
mod inputs;
mod invalidation;
mod key;
mod list;
mod made_etag;
mod own_request;
mod query;
mod range;
mod request;
mod reuse;
mod storable;
mod stored_fields;
mod tag_fields;
mod targeted;
mod validation;
mod vary;

pub(crate) use cache_control::CacheControl;
pub(crate) use cache_status::{
    CacheName, Collapsed, Forward, Forwarded, Handled, Stored, add_status, ttl,
};
pub(crate) use conditional::{
    Dating, asks_for_less, hide_conditions, is_not_modified, strip_content_fields,
};
pub(crate) use dates::http_date;
pub(crate) use demands::{Demands, Freshness};
pub(crate) use downstream::{Dated, Stricter, keeps_to_itself, stricter};
pub(crate) use freshness::{
    current_age, initial_age, is_fresh, with_room_for_age, write_age_in_its_place,
};
pub(crate) use groups::{invalidated_groups, strip_groups};
pub(crate) use grpc::{
    CallExtent, Messages, call_status, call_timeout, is_grpc_web, is_ok, is_trouble, key_of_call,
    shown_to_method,
};
pub(crate) use inputs::{More, cookie_field, cookies, has_unkeyed, hide_all, hide_unkeyed};
pub(crate) use invalidation::{made_stale, named};
pub(crate) use key::{KeyParts, MAX_KEY_BYTES, StoredKey};
pub(crate) use made_etag::made_etag;
pub(crate) use own_request::{hide_client, is_of_the_client};
pub(crate) use query::{Counts, reduced};
pub(crate) use range::{Extent, OF_WHOLE_CONTENT, asked_range, content_range, unsatisfied_range};
pub(crate) use request::{
    Bypass, Content, Intent, carries_credentials, intent, is_grpc, reason_to_pass,
};
pub(crate) use reuse::{Reuse, RouteWindows, is_stale_for, says_nothing};
pub(crate) use storable::{
    Audience, Cookies, Exchange, Heuristics, LifetimeSource, Overrides, Refusal, RouteRules,
    Storable, forbids_storing, storable,
};
pub(crate) use stored_fields::strip_unstored;
pub(crate) use tag_fields::{TagTrouble, field_tags, strip_tags, written_tags};
pub(crate) use targeted::{COHERENCE_CACHE_CONTROL, Instructions, strip_targeted};
pub(crate) use validation::{Validators, confirms, is_of_another, updated};
pub(crate) use vary::{Selection, VaryNames};
