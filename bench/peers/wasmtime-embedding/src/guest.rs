//! A guest as wasmtime runs it, and the least of a host that it needs.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use tokio::sync::oneshot;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::error::Context;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, InstancePre, Module, PoolingAllocationConfig, Result, Store, bail,
};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Room for 1,000 live instances and those in use; a component of wit-component has up to four core instances.
const INSTANCES: u32 = 1200;
const CORE_INSTANCES: u32 = 4 * INSTANCES;
const MAX_OUTPUT_BYTES: usize = 1 << 20;

/// What each instance of a component has.
pub struct Host {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
}

impl Host {
    fn new() -> Self {
        Self { table: ResourceTable::new(), wasi: WasiCtx::builder().build(), http: WasiHttpCtx::new() }
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: Default::default() }
    }
}

/// Returns an engine whose instances come from a pool.
pub fn make_engine(keep_resident: usize) -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(CORE_INSTANCES)
        .total_memories(INSTANCES)
        .total_tables(CORE_INSTANCES)
        .total_stacks(INSTANCES)
        .linear_memory_keep_resident(keep_resident)
        .table_keep_resident(keep_resident.min(64 * 1024));
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// What guests can import, of WASI 0.2 and of preview 1.
pub struct Linkers {
    proxy: Linker<Host>,
    preview1: wasmtime::Linker<WasiP1Ctx>,
}

impl Linkers {
    pub fn new(engine: &Engine) -> Result<Self> {
        let mut proxy = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut proxy)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut proxy)?;
        let mut preview1 = wasmtime::Linker::new(engine);
        wasmtime_wasi::p1::add_to_linker_async(&mut preview1, |host| host)?;
        Ok(Self { proxy, preview1 })
    }
}

/// A compiled artifact.
pub enum Guest {
    Proxy(ProxyPre<Host>),
    Preview1(InstancePre<WasiP1Ctx>),
}

impl Guest {
    /// Compiles a component that exports wasi:http/incoming-handler, or a preview 1 command.
    pub fn compile(engine: &Engine, linkers: &Linkers, bytes: &[u8]) -> Result<Self> {
        Ok(if bytes.get(4..8) == Some(&[0x0d, 0, 1, 0]) {
            let component = Component::from_binary(engine, bytes)?;
            Self::Proxy(ProxyPre::new(linkers.proxy.instantiate_pre(&component)?)?)
        } else {
            Self::Preview1(linkers.preview1.instantiate_pre(&Module::from_binary(engine, bytes)?)?)
        })
    }

    /// Instantiates, and answers one request or runs to the end; returns the bytes of the answer.
    pub async fn answer_once(&self) -> Result<usize> {
        match self {
            Self::Proxy(pre) => {
                let mut store = Store::new(pre.engine(), Host::new());
                let proxy = pre.instantiate_async(&mut store).await?;
                request(&mut store, &proxy).await
            }
            Self::Preview1(pre) => run(pre).await,
        }
    }

    /// Makes an instance that has answered one request, and is kept.
    pub async fn make_live(&self) -> Result<(Store<Host>, Proxy)> {
        let Self::Proxy(pre) = self else { bail!("only a component can be kept") };
        let mut store = Store::new(pre.engine(), Host::new());
        let proxy = pre.instantiate_async(&mut store).await?;
        request(&mut store, &proxy).await?;
        Ok((store, proxy))
    }
}

/// Sends `GET /` and reads the whole answer; returns the bytes of its body.
async fn request(store: &mut Store<Host>, proxy: &Proxy) -> Result<usize> {
    let body = Empty::<Bytes>::new().map_err(|never| -> wasmtime_wasi_http::Error { match never {} });
    let request = http::Request::builder().uri("http://app.test/").header("host", "app.test").body(body)?;
    let (sender, receiver) = oneshot::channel();
    let incoming = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let outparam = store.data_mut().http().new_response_outparam(sender)?;
    let handler = proxy.wasi_http_incoming_handler();
    let read = async {
        let response = receiver.await.context("the guest set no response")??;
        if response.status() != 200 {
            bail!("expected 200, got {}", response.status());
        }
        let body = response.into_body().collect().await.map_err(|error| wasmtime::format_err!("{error:?}"))?;
        Ok(body.to_bytes().len())
    };
    // The guest waits until what it wrote is read: both go on in turn.
    let (handled, bytes) = tokio::join!(handler.call_handle(&mut *store, incoming, outparam), read);
    handled?;
    bytes
}

/// Runs a command without arguments; returns the bytes that it printed.
async fn run(pre: &InstancePre<WasiP1Ctx>) -> Result<usize> {
    let stdout = MemoryOutputPipe::new(MAX_OUTPUT_BYTES);
    let host = WasiCtxBuilder::new().arg("guest").stdout(stdout.clone()).build_p1();
    let mut store = Store::new(pre.module().engine(), host);
    let instance = pre.instantiate_async(&mut store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
    if let Err(error) = start.call_async(&mut store, ()).await {
        match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            Some(wasmtime_wasi::I32Exit(0)) => {}
            _ => return Err(error),
        }
    }
    Ok(stdout.contents().len())
}
