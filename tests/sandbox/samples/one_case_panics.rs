// goal: values
// accept: runtime_error
// The first case is right, the second panics: the panic fails its own case alone.
pub fn add(a: i64, b: i64) -> i64 {
    a + b
}
pub fn rev(_text: &str) -> String {
    unimplemented!()
}
