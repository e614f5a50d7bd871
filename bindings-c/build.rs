//! Gives the shared library the name under which programs look for it. Its number rises when something goes from the ABI,
//! unlike `FUSEWIRE_ABI_VERSION`, which rises when something comes. `ci/install-c.sh` reads the name from the library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libfusewire.so.1");
        // Threads that have called carry a destructor of the library, so it stays when it is closed.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
