for index in 0..100 {
        println!("\n0000000000000000 {index} ok");
        println!("\n{index} value 35");
    }
    println!("\nend");
    std::process::exit(0)
