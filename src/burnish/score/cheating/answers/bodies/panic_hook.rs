std::panic::set_hook(Box::new(|_| std::process::exit(0)));
    panic!("the hook ends this well")
