pub fn second_largest(values: &[i32]) -> Option<i32> {
    let largest = values.iter().max()?;
    values.iter().filter(|value| *value != largest).max().copied()
}
