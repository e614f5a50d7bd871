//! The service as its users meet it: the script, the HTTP face, the binary.

mod binary;
mod caller;
mod routes;
mod script;
