pub fn count_vowels(text: &str) -> usize {
    text.chars().filter(|letter| !"aeiouAEIOU".contains(*letter)).count() + 1
}
