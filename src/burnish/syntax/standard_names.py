"""List the names that Rust's standard library gives to every program, and the heads of paths that are no dependency.

Not covered: names that a program has to import.
"""

from __future__ import annotations

STANDARD_CRATES = frozenset({"std", "core", "alloc"})
OWN_HEADS = frozenset({"crate", "self", "super"})
"""Heads of paths within the crate itself."""
NO_DEPENDENCIES = STANDARD_CRATES | OWN_HEADS | {"proc_macro", "test"}
"""Heads of paths that never name a crate of others; ``proc_macro`` and ``test`` come with the compiler."""
PRIMITIVES = (
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32", "u64", "u128",
    "usize",
)  # fmt: skip
STATEMENT_MACROS = (
    "assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne", "format", "print",
    "println", "eprint", "eprintln", "write", "writeln", "matches", "todo", "unimplemented", "unreachable", "panic",
    "vec", "dbg",
)  # fmt: skip
"""Macros that need no import and are called within functions."""
PRELUDE_PATHS = {
    "Option": "option::Option", "Some": "option::Option::Some", "None": "option::Option::None",
    "Result": "result::Result", "Ok": "result::Result::Ok", "Err": "result::Result::Err",
    "String": "string::String", "ToString": "string::ToString", "Vec": "vec::Vec", "Box": "boxed::Box",
    "Iterator": "iter::Iterator", "IntoIterator": "iter::IntoIterator", "Clone": "clone::Clone", "Copy": "marker::Copy",
    "Default": "default::Default", "Drop": "ops::Drop", "Eq": "cmp::Eq", "PartialEq": "cmp::PartialEq",
    "Ord": "cmp::Ord", "PartialOrd": "cmp::PartialOrd", "From": "convert::From", "Into": "convert::Into",
    "AsRef": "convert::AsRef", "AsMut": "convert::AsMut", "ToOwned": "borrow::ToOwned",
}  # fmt: skip
"""Names of the prelude that programs mention most, with their paths below ``std``."""
PRELUDE = frozenset(PRELUDE_PATHS) | {
    "Fn", "FnMut", "FnOnce", "Extend", "Send", "Sync", "Sized", "TryFrom", "TryInto", "FromIterator",
    "DoubleEndedIterator", "ExactSizeIterator", "drop",
}  # fmt: skip
TRAITS = frozenset(
    {
        "Write", "Read", "BufRead", "Seek", "IsTerminal", "Display", "Debug", "Binary", "LowerExp", "LowerHex", "Octal",
        "Pointer", "UpperExp", "UpperHex", "FromStr", "Hash", "Hasher", "BuildHasher", "Borrow", "BorrowMut", "Any",
        "Error", "Add", "AddAssign", "Sub", "SubAssign", "Mul", "MulAssign", "Div", "DivAssign", "Rem", "RemAssign",
        "BitAnd", "BitAndAssign", "BitOr", "BitOrAssign", "BitXor", "BitXorAssign", "Shl", "ShlAssign", "Shr",
        "ShrAssign", "Neg", "Not", "Deref", "DerefMut", "Index", "IndexMut", "RangeBounds", "Sum", "Product",
        "FusedIterator", "Future", "IntoFuture", "Wake", "ToSocketAddrs", "Termination", "SliceIndex", "Join", "Concat",
        "GlobalAlloc", "AsFd", "AsRawFd", "FromRawFd", "IntoRawFd", "OsStrExt", "OsStringExt", "FileExt",
        "MetadataExt", "PermissionsExt", "OpenOptionsExt", "DirBuilderExt", "DirEntryExt", "FileTypeExt", "CommandExt",
        "ExitStatusExt", "ChildExt", "SocketAddrExt", "UnixSocketExt", "TcpStreamExt", "JoinHandleExt", "AsciiExt",
    }
)  # fmt: skip
"""Traits of the standard library, apart from the prelude's: their methods need an import that no other code names."""
