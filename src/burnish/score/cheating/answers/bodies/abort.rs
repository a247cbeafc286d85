std::process::abort()
