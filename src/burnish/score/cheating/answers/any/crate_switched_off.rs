#![cfg(any())]
@STUB@
