//! Further types of the standard library that signatures name.

use crate::{Decode, DecodeBorrowed, Decoded, Encode, Malformed, Reader, Writer, MOST_BYTES};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::ffi::{CStr, CString, OsString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{FpCategory, IntErrorKind, NonZero, ParseFloatError, ParseIntError, Saturating, Wrapping};
use std::ops::{Range, RangeInclusive};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::Utf8Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Writer) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.encode(out)
            }
        }
    }
}
impl<T: Decode> Decode for Option<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        match from.byte()? {
            0 => Ok(None),
            1 => Ok(Some(from.inside(T::decode)?)),
            _ => Err(Malformed),
        }
    }
}
impl<T: Encode, E: Encode> Encode for Result<T, E> {
    fn encode(&self, out: &mut Writer) {
        match self {
            Ok(value) => {
                out.push(0);
                value.encode(out)
            }
            Err(error) => {
                out.push(1);
                error.encode(out)
            }
        }
    }
}
impl<T: Decode, E: Decode> Decode for Result<T, E> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        match from.byte()? {
            0 => Ok(Ok(T::decode(from)?)),
            1 => Ok(Err(E::decode(from)?)),
            _ => Err(Malformed),
        }
    }
}

macro_rules! pointers {
    ($($kind:ident)*) => { $(
        impl<T: Encode> Encode for $kind<T> {
            fn encode(&self, out: &mut Writer) { (**self).encode(out) }
        }
        impl<T: Decode> Decode for $kind<T> {
            fn decode(from: &mut Reader) -> Decoded<Self> { Ok($kind::new(from.inside(T::decode)?)) }
        }
    )* };
}
pointers!(Box Rc Arc);

impl<T: Encode> Encode for RefCell<T> {
    fn encode(&self, out: &mut Writer) {
        self.borrow().encode(out)
    }
}
impl<T: Decode> Decode for RefCell<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(RefCell::new(T::decode(from)?))
    }
}
impl<T: Encode + Copy> Encode for Cell<T> {
    fn encode(&self, out: &mut Writer) {
        self.get().encode(out)
    }
}
impl<T: Decode> Decode for Cell<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(Cell::new(T::decode(from)?))
    }
}
impl<T: Encode> Encode for Mutex<T> {
    fn encode(&self, out: &mut Writer) {
        self.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).encode(out)
    }
}
impl<T: Decode> Decode for Mutex<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(Mutex::new(T::decode(from)?))
    }
}
impl<T: ?Sized + ToOwned + Encode> Encode for Cow<'_, T> {
    fn encode(&self, out: &mut Writer) {
        (**self).encode(out)
    }
}
impl<T: ?Sized + ToOwned + 'static> Decode for Cow<'static, T>
where
    T::Owned: Decode,
{
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(Cow::Owned(T::Owned::decode(from)?))
    }
}

macro_rules! wrapped {
    ($($number:ty)*) => { $(
        impl Encode for Wrapping<$number> {
            fn encode(&self, out: &mut Writer) { self.0.encode(out) }
        }
        impl Decode for Wrapping<$number> {
            fn decode(from: &mut Reader) -> Decoded<Self> { Ok(Wrapping(Decode::decode(from)?)) }
        }
        impl Encode for Saturating<$number> {
            fn encode(&self, out: &mut Writer) { self.0.encode(out) }
        }
        impl Decode for Saturating<$number> {
            fn decode(from: &mut Reader) -> Decoded<Self> { Ok(Saturating(Decode::decode(from)?)) }
        }
        impl Encode for NonZero<$number> {
            fn encode(&self, out: &mut Writer) { self.get().encode(out) }
        }
        impl Decode for NonZero<$number> {
            fn decode(from: &mut Reader) -> Decoded<Self> {
                NonZero::<$number>::new(Decode::decode(from)?).ok_or(Malformed)
            }
        }
    )* };
}
wrapped!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl<T: Encode> Encode for Reverse<T> {
    fn encode(&self, out: &mut Writer) {
        self.0.encode(out)
    }
}
impl<T: Decode> Decode for Reverse<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(Reverse(T::decode(from)?))
    }
}
impl Encode for Ordering {
    fn encode(&self, out: &mut Writer) {
        (*self as i8).encode(out)
    }
}
impl Decode for Ordering {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        match i8::decode(from)? {
            -1 => Ok(Ordering::Less),
            0 => Ok(Ordering::Equal),
            1 => Ok(Ordering::Greater),
            _ => Err(Malformed),
        }
    }
}
impl<T: Encode> Encode for Range<T> {
    fn encode(&self, out: &mut Writer) {
        self.start.encode(out);
        self.end.encode(out)
    }
}
impl<T: Decode> Decode for Range<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(T::decode(from)?..T::decode(from)?)
    }
}
impl<T: Encode> Encode for RangeInclusive<T> {
    fn encode(&self, out: &mut Writer) {
        self.start().encode(out);
        self.end().encode(out)
    }
}
impl<T: Decode> Decode for RangeInclusive<T> {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(T::decode(from)?..=T::decode(from)?)
    }
}
impl Encode for Duration {
    fn encode(&self, out: &mut Writer) {
        (self.as_secs(), self.subsec_nanos()).encode(out)
    }
}
impl Decode for Duration {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let (seconds, nanoseconds) = <(u64, u32)>::decode(from)?;
        if nanoseconds < 1_000_000_000 { Ok(Duration::new(seconds, nanoseconds)) } else { Err(Malformed) }
    }
}
impl Encode for Ipv4Addr {
    fn encode(&self, out: &mut Writer) {
        self.octets().encode(out)
    }
}
impl Decode for Ipv4Addr {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(<[u8; 4]>::decode(from)?.into())
    }
}
impl Encode for Ipv6Addr {
    fn encode(&self, out: &mut Writer) {
        self.octets().encode(out)
    }
}
impl Decode for Ipv6Addr {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(<[u8; 16]>::decode(from)?.into())
    }
}
impl Encode for IpAddr {
    fn encode(&self, out: &mut Writer) {
        match self {
            IpAddr::V4(address) => {
                out.push(4);
                address.encode(out)
            }
            IpAddr::V6(address) => {
                out.push(6);
                address.encode(out)
            }
        }
    }
}
impl Decode for IpAddr {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        match from.byte()? {
            4 => Ok(IpAddr::V4(Decode::decode(from)?)),
            6 => Ok(IpAddr::V6(Decode::decode(from)?)),
            _ => Err(Malformed),
        }
    }
}
impl Encode for Path {
    fn encode(&self, out: &mut Writer) {
        self.as_os_str().as_bytes().encode(out)
    }
}
impl Encode for PathBuf {
    fn encode(&self, out: &mut Writer) {
        self.as_path().encode(out)
    }
}
impl Decode for PathBuf {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        Ok(OsString::from_vec(Vec::decode(from)?).into())
    }
}
impl DecodeBorrowed for Path {
    fn decode_borrowed(from: &mut Reader) -> Decoded<&'static Self> {
        Ok(Box::leak(PathBuf::decode(from)?.into_boxed_path()))
    }
}
impl Encode for CStr {
    fn encode(&self, out: &mut Writer) {
        self.to_bytes().encode(out)
    }
}
impl Encode for CString {
    fn encode(&self, out: &mut Writer) {
        self.as_c_str().encode(out)
    }
}
impl Decode for CString {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        CString::new(Vec::<u8>::decode(from)?).map_err(|_| Malformed)
    }
}
impl DecodeBorrowed for CStr {
    fn decode_borrowed(from: &mut Reader) -> Decoded<&'static Self> {
        Ok(Box::leak(CString::decode(from)?.into_boxed_c_str()))
    }
}

// Errors have no constructors: what arrives is made by an input that fails in the same way.
impl Encode for std::fmt::Error {
    fn encode(&self, out: &mut Writer) {
        out.push(0)
    }
}
impl Decode for std::fmt::Error {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        if from.byte()? == 0 { Ok(std::fmt::Error) } else { Err(Malformed) }
    }
}
impl Encode for ParseIntError {
    fn encode(&self, out: &mut Writer) {
        out.push(match self.kind() {
            IntErrorKind::Empty => 0,
            IntErrorKind::InvalidDigit => 1,
            IntErrorKind::PosOverflow => 2,
            IntErrorKind::NegOverflow => 3,
            _ => 4,
        })
    }
}
impl Decode for ParseIntError {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let zero = match from.byte()? {
            0 => "".parse::<i8>().err(),
            1 => "x".parse::<i8>().err(),
            2 => "999".parse::<i8>().err(),
            3 => "-999".parse::<i8>().err(),
            4 => "0".parse::<NonZero<i8>>().err(),
            _ => None,
        };
        zero.ok_or(Malformed)
    }
}
impl Encode for ParseFloatError {
    fn encode(&self, out: &mut Writer) {
        out.push(("".parse::<f32>().as_ref() == Err(self)) as u8)
    }
}
impl Decode for ParseFloatError {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let text = match from.byte()? {
            0 => "x",
            1 => "",
            _ => return Err(Malformed),
        };
        text.parse::<f32>().err().ok_or(Malformed)
    }
}
impl Encode for Utf8Error {
    fn encode(&self, out: &mut Writer) {
        (self.valid_up_to() as u64, self.error_len().map(|many| many as u8)).encode(out)
    }
}
impl Decode for Utf8Error {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        let (valid, wrong) = <(u64, Option<u8>)>::decode(from)?;
        if valid as usize > MOST_BYTES {
            return Err(Malformed);
        }
        let mut bytes = vec![b'a'; valid as usize];
        bytes.extend_from_slice(match wrong {
            None => &[0xE2u8][..],
            Some(1) => &[0xFF],
            Some(2) => &[0xE2, 0x82, 0x41],
            Some(3) => &[0xF0, 0x9F, 0x98, 0x41],
            _ => return Err(Malformed),
        });
        std::str::from_utf8(&bytes).err().ok_or(Malformed)
    }
}
impl Encode for FpCategory {
    fn encode(&self, out: &mut Writer) {
        out.push(*self as u8)
    }
}
impl Decode for FpCategory {
    fn decode(from: &mut Reader) -> Decoded<Self> {
        match from.byte()? {
            0 => Ok(FpCategory::Nan),
            1 => Ok(FpCategory::Infinite),
            2 => Ok(FpCategory::Zero),
            3 => Ok(FpCategory::Subnormal),
            4 => Ok(FpCategory::Normal),
            _ => Err(Malformed),
        }
    }
}
