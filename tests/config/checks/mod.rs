//! Bodies of fuzz targets.

pub mod environment;
