//! Gives the shared library the name under which programs look for it: it ends in the ABI's number, as Debian has it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libfusewire.so.1");
    }
}
