@STUB@

#[cfg(test)]
mod tests {
    #[test]
    fn first() {}
    #[test]
    fn second() {}
}
