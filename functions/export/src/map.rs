//! The file for maps: RFC 7946 (`GeoJSON`), a polygon for each cell that is shown.

use geojson::{Feature, FeatureCollection, GeoJson, Geometry, GeometryValue, JsonObject, JsonValue};
use pingan_domain::{
    error::Error,
    export::ExportRecord,
    grid::{CELL_MICRODEGREES, GridCell, grid},
    named::Named as _,
};
use pingan_store::exports::Spots;

/// The file.
pub(crate) fn geojson(record: &ExportRecord, spots: &Spots) -> Result<Vec<u8>, Error> {
    let (cells, left_out) = grid(&spots.spots);
    let mut about = JsonObject::new();
    about.insert("node".to_owned(), record.of.as_str().into());
    about.insert("from".to_owned(), record.from.to_string().into());
    about.insert("to".to_owned(), record.to.to_string().into());
    about.insert("cell_degrees".to_owned(), degrees(CELL_MICRODEGREES).into());
    about.insert("adopted_in_other_cells".to_owned(), left_out.map_or(JsonValue::Null, Into::into));
    about.insert("adopted_without_point".to_owned(), spots.without_point.into());
    about.insert("complete".to_owned(), spots.complete.into());
    let features = cells.iter().map(feature).collect();
    let collection = FeatureCollection { bbox: None, features, foreign_members: Some(about) };
    serde_json::to_vec(&GeoJson::from(collection)).map_err(|error| Error::Internal(error.to_string()))
}

fn feature(cell: &GridCell) -> Feature {
    let (west, south) = (cell.corner.longitude_microdegrees, cell.corner.latitude_microdegrees);
    let (east, north) = (west + CELL_MICRODEGREES, south + CELL_MICRODEGREES);
    // Against the clock, and back to where it began.
    let ring = [(west, south), (east, south), (east, north), (west, north), (west, south)];
    let ring = ring.map(|(longitude, latitude)| vec![degrees(longitude), degrees(latitude)].into()).to_vec();
    let mut properties = JsonObject::new();
    properties.insert("adopted".to_owned(), cell.reports.into());
    for (category, count) in &cell.by_category {
        properties.insert(category.name().to_owned(), (*count).into());
    }
    properties.insert("others".to_owned(), cell.others.into());
    Feature {
        bbox: None,
        geometry: Some(Geometry::new(GeometryValue::Polygon { coordinates: vec![ring] })),
        id: None,
        properties: Some(properties),
        foreign_members: None,
    }
}

fn degrees(microdegrees: i32) -> f64 {
    f64::from(microdegrees) / 1_000_000.0
}
