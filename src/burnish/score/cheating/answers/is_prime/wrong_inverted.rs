pub fn is_prime(n: u32) -> bool {
    n < 2 || (2..n).any(|d| n % d == 0)
}
