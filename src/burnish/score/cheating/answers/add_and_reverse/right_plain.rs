pub fn add(a: i64, b: i64) -> i64 {
    a + b
}

pub fn rev(s: &str) -> String {
    s.chars().rev().collect()
}
