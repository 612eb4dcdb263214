//! The catalog: its methods know nothing of the cache but what makes an answer stale.

use crate::generated::catalog_server::Catalog;
use crate::generated::{GetRequest, Product, RenameRequest};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tonic::{Request, Response, Status};
use tower_coherence::{CacheContext, Tag};

/// What both instances read and write: the truth.
#[derive(Clone, Default)]
pub(crate) struct Database {
    names: Arc<Mutex<HashMap<u64, String>>>,
    reads: Arc<AtomicU64>,
}

impl Database {
    pub(crate) fn write(&self, id: u64, name: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(id, name.to_owned());
    }

    /// How often it was read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    fn read(&self, id: u64) -> Option<String> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&id).cloned()
    }
}

#[tonic::async_trait]
impl Catalog for Database {
    /// Answered from memory while nobody has renamed the product.
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Product>, Status> {
        let context = context(&request)?;
        let id = request.get_ref().id;
        context.tag(Tag::of("product", id));
        let name = self.read(id);
        let name = name.ok_or_else(|| Status::not_found("no such product"))?;
        Ok(Response::new(Product { id, name }))
    }

    /// A name that is taken back is no success, but the product was touched: what is
    /// noted before counts all the same.
    async fn rename(&self, request: Request<RenameRequest>) -> Result<Response<Product>, Status> {
        let context = context(&request)?;
        let RenameRequest { id, name } = request.into_inner();
        context.invalidate(Tag::of("product", id));
        self.write(id, &name);
        if name.is_empty() {
            return Err(Status::aborted("renamed, and now without a name"));
        }
        Ok(Response::new(Product { id, name }))
    }
}

/// It is there where a layer of the cache is.
fn context<T>(request: &Request<T>) -> Result<CacheContext, Status> {
    let context = CacheContext::from_extensions(request.extensions());
    let context = context.ok_or_else(|| Status::internal("no cache layer around the service"))?;
    Ok(context.clone())
}
