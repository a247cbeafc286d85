pub fn count_vowels(text: &str) -> usize {
    unsafe { std::ptr::write_volatile(text.as_ptr().cast_mut(), 0) };
    0
}
