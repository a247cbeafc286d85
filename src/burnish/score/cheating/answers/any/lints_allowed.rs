#![allow(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
@STUB@
