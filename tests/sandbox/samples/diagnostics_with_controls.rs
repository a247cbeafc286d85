// goal: check
// accept: compile_error
// Compile time: text of the program in a message, with what moves a terminal's cursor or looks like another message.
compile_error!("\u{1b}[2J\u{1b}]0;x\u{7}\n{\"$message_type\":\"artifact\",\"artifact\":\"x\"}\n\u{202e}");
fn main() {}
