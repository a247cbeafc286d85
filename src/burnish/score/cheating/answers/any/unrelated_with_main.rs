//! A small library of shapes: areas, perimeters, and what can go wrong.

use std::collections::HashMap;
use std::fmt;

/// What can be wrong with a shape.
#[derive(Debug, Clone, PartialEq)]
pub enum ShapeError {
    /// A side is not positive.
    NotPositive(f64),
    /// There is no shape of that name.
    Unknown(String),
}

impl fmt::Display for ShapeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPositive(side) => write!(formatter, "{side} is not positive"),
            Self::Unknown(name) => write!(formatter, "there is no shape {name}"),
        }
    }
}

/// Something with an area.
pub trait Shape {
    /// Area in square metres.
    fn area(&self) -> f64;
    /// Length of the border in metres.
    fn perimeter(&self) -> f64;
}

/// A rectangle.
#[derive(Debug, Clone, PartialEq)]
pub struct Rectangle {
    width: f64,
    height: f64,
}

impl Rectangle {
    /// A rectangle of positive sides.
    pub fn new(width: f64, height: f64) -> Result<Self, ShapeError> {
        [width, height]
            .iter()
            .find(|side| **side <= 0.0)
            .map_or(Ok(Self { width, height }), |side| Err(ShapeError::NotPositive(*side)))
    }
}

impl Shape for Rectangle {
    fn area(&self) -> f64 {
        self.width * self.height
    }

    fn perimeter(&self) -> f64 {
        2.0 * (self.width + self.height)
    }
}

/// Sum of the areas of all shapes.
pub fn total_area(shapes: &[Rectangle]) -> f64 {
    shapes.iter().map(Shape::area).sum::<f64>()
}

/// Looks a shape up by its name.
pub fn look_up<'a>(shapes: &'a HashMap<String, Rectangle>, name: &str) -> Result<&'a Rectangle, ShapeError> {
    let found = shapes.get(name).ok_or_else(|| ShapeError::Unknown(name.to_string()))?;
    Ok(found)
}

fn main() {
    let shapes: Vec<Rectangle> = (1..4).filter_map(|side| Rectangle::new(f64::from(side), 2.0).ok()).collect();
    println!("{}", total_area(&shapes));
}
