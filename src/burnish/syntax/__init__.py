"""Parse Rust source into a syntax tree, for every stage that looks at code. It judges nothing."""
