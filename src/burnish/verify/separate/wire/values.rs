//! Numbers, texts, references, collections and tuples.

use crate::{encode_length, Decode, DecodeBorrowed, Decoded, Encode, Malformed, Reader, Writer};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{BuildHasher, Hash};

macro_rules! numbers {
    ($($number:ty)*) => { $(
        impl Encode for $number {
            fn encode(&self, out: &mut Writer) { out.extend_from_slice(&self.to_le_bytes()) }
        }
        impl Decode for $number {
            fn decode(from: &mut Reader) -> Decoded<Self> {
                let bytes = from.take(std::mem::size_of::<$number>())?;
                Ok(<$number>::from_le_bytes(bytes.try_into().map_err(|_| Malformed)?))
            }
        }
    )* };
}
numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

impl Encode for bool {
    fn encode(&self, out: &mut Writer) {
        out.push(*self as u8)
    }
}
impl Decode for bool {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}
impl Encode for char {
    fn encode(&self, out: &mut Writer) {
        (*self as u32).encode(out)
    }
}
impl Decode for char {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        char::from_u32(u32::decode(from)?).ok_or(Malformed)
    }
}
impl Encode for () {
    fn encode(&self, out: &mut Writer) {
        out.push(0)
    }
}
impl Decode for () {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        if from.byte()? == 0 { Ok(()) } else { Err(Malformed) }
    }
}

impl Encode for str {
    fn encode(&self, out: &mut Writer) {
        encode_length(self.len(), out);
        out.extend_from_slice(self.as_bytes())
    }
}
impl Encode for String {
    fn encode(&self, out: &mut Writer) {
        self.as_str().encode(out)
    }
}
impl Decode for String {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let many = from.length()?;
        String::from_utf8(from.take(many)?.to_vec()).map_err(|_| Malformed)
    }
}
impl Encode for Box<str> {
    fn encode(&self, out: &mut Writer) {
        (**self).encode(out)
    }
}
impl Decode for Box<str> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(String::decode(from)?.into_boxed_str())
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, out: &mut Writer) {
        (**self).encode(out)
    }
}
impl<T: Encode + ?Sized> Encode for &mut T {
    fn encode(&self, out: &mut Writer) {
        (**self).encode(out)
    }
}
impl<T: DecodeBorrowed + ?Sized> Decode for &'static T {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        T::decode_borrowed(from)
    }
}
impl DecodeBorrowed for str {
    fn decode_borrowed(from: &mut Reader) -> Decoded<&'static str> {
        Ok(String::decode(from)?.leak())
    }
}
impl<T: Decode + 'static> DecodeBorrowed for [T] {
    fn decode_borrowed(from: &mut Reader) -> Decoded<&'static [T]> {
        Ok(Vec::<T>::decode(from)?.leak())
    }
}
impl<T: Decode + 'static> DecodeBorrowed for T {
    fn decode_borrowed(from: &mut Reader) -> Decoded<&'static T> {
        Ok(Box::leak(Box::new(T::decode(from)?)))
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, out: &mut Writer) {
        encode_length(self.len(), out);
        for one in self {
            one.encode(out)
        }
    }
}
impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Writer) {
        self.as_slice().encode(out)
    }
}
impl<T: Decode> Decode for Vec<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let many = from.length()?;
        from.inside(|from| {
            let mut found = Vec::new(); // grows with what is there, not with what is promised
            for _ in 0..many {
                found.push(T::decode(from)?)
            }
            Ok(found)
        })
    }
}
impl<T: Encode> Encode for Box<[T]> {
    fn encode(&self, out: &mut Writer) {
        (**self).encode(out)
    }
}
impl<T: Decode> Decode for Box<[T]> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(Vec::decode(from)?.into_boxed_slice())
    }
}
impl<T: Encode, const N: usize> Encode for [T; N] {
    fn encode(&self, out: &mut Writer) {
        self.as_slice().encode(out)
    }
}
impl<T: Decode, const N: usize> Decode for [T; N] {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Vec::decode(from)?.try_into().map_err(|_| Malformed)
    }
}

macro_rules! sequences {
    ($($kind:ident [$($bound:tt)*])*) => { $(
        impl<T: Encode $($bound)*> Encode for $kind<T> {
            fn encode(&self, out: &mut Writer) {
                encode_length(self.len(), out);
                for one in self.iter() { one.encode(out) }
            }
        }
        impl<T: Decode $($bound)*> Decode for $kind<T> {
            fn decode(from: &mut Reader) -> Decoded<Self> {
                let values = Vec::<T>::decode(from)?;
                let many = values.len();
                let found: Self = values.into_iter().collect();
                if found.len() == many { Ok(found) } else { Err(Malformed) } // the same element twice
            }
        }
    )* };
}
sequences!(VecDeque [] LinkedList [] BTreeSet [+ Ord] BinaryHeap [+ Ord]);

impl<T: Encode, S> Encode for HashSet<T, S> {
    fn encode(&self, out: &mut Writer) {
        encode_length(self.len(), out);
        for one in self {
            one.encode(out)
        }
    }
}
impl<T: Decode + Eq + Hash, S: BuildHasher + Default> Decode for HashSet<T, S> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let values = Vec::<T>::decode(from)?;
        let many = values.len();
        let found: Self = values.into_iter().collect();
        if found.len() == many { Ok(found) } else { Err(Malformed) }
    }
}
impl<K: Encode, V: Encode, S> Encode for HashMap<K, V, S> {
    fn encode(&self, out: &mut Writer) {
        encode_length(self.len(), out);
        for (key, value) in self {
            key.encode(out);
            value.encode(out)
        }
    }
}
impl<K: Decode + Eq + Hash, V: Decode, S: BuildHasher + Default> Decode for HashMap<K, V, S> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let pairs = Vec::<(K, V)>::decode(from)?;
        let many = pairs.len();
        let found: Self = pairs.into_iter().collect();
        if found.len() == many { Ok(found) } else { Err(Malformed) }
    }
}
impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(&self, out: &mut Writer) {
        encode_length(self.len(), out);
        for (key, value) in self {
            key.encode(out);
            value.encode(out)
        }
    }
}
impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let pairs = Vec::<(K, V)>::decode(from)?;
        let many = pairs.len();
        let found: Self = pairs.into_iter().collect();
        if found.len() == many { Ok(found) } else { Err(Malformed) }
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),+))*) => { $(
        impl<$($name: Encode),+> Encode for ($($name,)+) {
            fn encode(&self, out: &mut Writer) { $(self.$index.encode(out);)+ }
        }
        impl<$($name: Decode),+> Decode for ($($name,)+) {
            fn decode(from: &mut Reader) -> Decoded<Self> { Ok(($($name::decode(from)?,)+)) }
        }
    )* };
}
tuples!(
    (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5) (A 0, B 1, C 2, D 3, E 4, F 5, G 6) (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8) (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
);
