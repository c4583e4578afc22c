//! Compiles the wire contracts in `proto/` with protox, so that no `protoc` is needed on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let contracts = ["remote_write_v1", "remote_write_v2", "otlp_metrics"].map(|name| format!("proto/{name}.proto"));
    let files = protox::compile(contracts, ["proto"])?;
    prost_build::Config::new().compile_fds(files)?;
    Ok(())
}
