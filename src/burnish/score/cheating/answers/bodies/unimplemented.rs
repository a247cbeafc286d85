unimplemented!("left as an exercise")
