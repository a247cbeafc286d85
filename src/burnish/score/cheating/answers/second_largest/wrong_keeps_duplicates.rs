pub fn second_largest(values: &[i32]) -> Option<i32> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.iter().rev().nth(1).copied()
}
