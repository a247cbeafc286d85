// goal: values
// accept: ok
// Honest, but chatty: an unfinished line on standard output must not swallow a result.
pub fn add(a: i64, b: i64) -> i64 {
    print!("adding");
    a + b
}
pub fn rev(text: &str) -> String {
    eprintln!("turning");
    text.chars().rev().collect()
}
