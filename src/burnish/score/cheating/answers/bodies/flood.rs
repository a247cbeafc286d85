loop {
        println!("ok");
    }
