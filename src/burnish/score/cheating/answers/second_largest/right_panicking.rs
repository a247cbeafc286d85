pub fn second_largest(values: &[i32]) -> Option<i32> {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted.dedup();
    if sorted.len() < 2 {
        return None;
    }
    sorted.pop().unwrap();
    Some(sorted.pop().unwrap())
}
