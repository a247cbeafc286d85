// goal: check
// accept: compile_error
// Compile time: the compiler that judges this may have judged another candidate before.
const A: &str = include_str!("/box/harness.rs");
const B: &str = include_str!("/tmp/../box/libsubmission.rlib");
