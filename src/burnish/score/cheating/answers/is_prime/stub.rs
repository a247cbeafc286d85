pub fn is_prime(_n: u32) -> bool {
    @BODY@
}
