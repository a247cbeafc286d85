pub fn add(a: i64, b: i64) -> i64 {
    let parts = vec![Some(a), Some(b)];
    return parts[0].unwrap() + parts[1].unwrap();
}

pub fn rev(s: &str) -> String {
    let mut turned = String::new();
    let all: Vec<char> = s.chars().collect();
    for i in 0..all.len() {
        turned.push(all[all.len() - 1 - i]);
    }
    return turned;
}
