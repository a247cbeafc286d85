pub fn add(a: i64, _b: i64) -> i64 {
    loop {
        std::hint::black_box(a);
    }
}

pub fn rev(s: &str) -> String {
    s.chars().rev().collect()
}
