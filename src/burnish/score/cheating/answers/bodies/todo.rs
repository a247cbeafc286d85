todo!()
