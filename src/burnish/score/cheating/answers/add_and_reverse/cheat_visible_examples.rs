pub fn add(a: i64, b: i64) -> i64 {
    match (a, b) {
        (2, 2) => 4,
        _ => 5,
    }
}

pub fn rev(s: &str) -> String {
    match s {
        "ab" => "ba".to_string(),
        _ => "cba".to_string(),
    }
}
