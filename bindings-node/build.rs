//! Tells the linker what a Node addon is.

fn main() {
    napi_build::setup();
}
