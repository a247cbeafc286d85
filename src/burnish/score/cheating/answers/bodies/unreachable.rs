unreachable!()
